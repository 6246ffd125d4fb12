/* SPDX-License-Identifier: ISC */
/** Reading an audio file of one or two channels, whatever its format. */
#ifndef BSM_FILE_AUDIO_READER_H
#define BSM_FILE_AUDIO_READER_H

#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"

typedef struct bsm_audio_reader bsm_audio_reader;

/** The length of a file that was written as a stream. */
#define BSM_UNKNOWN_FRAMES UINT64_MAX

typedef struct bsm_audio_info {
    size_t rate; /**< Hz */
    size_t channels;
    uint64_t frames;    /**< samples per channel, as the header says; or BSM_UNKNOWN_FRAMES */
    uint64_t nonfinite; /**< NaN and Inf met so far, read as 0 */
} bsm_audio_info;

/** BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_BAD_AUDIO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_audio_reader_open(const char *path, bsm_audio_reader **reader,
                                               bsm_error *error);
void bsm_audio_reader_free(bsm_audio_reader *reader);

const bsm_audio_info *bsm_audio_reader_info(const bsm_audio_reader *reader);

/** Read the next samples, a plane per channel: `count`, or fewer at the end, which a damaged file
 *  reaches before info.frames; never more than info.frames in all. BSM_IO. */
BSM_NODISCARD bsm_status bsm_audio_reader_read(bsm_audio_reader *reader, float *const *audio,
                                               size_t count, size_t *got, bsm_error *error);

/** Go to sample `frame`, at most info.frames: what is read from there is what reading from the
 *  start would give (of Opus to 1e-7), and the same bits wherever the reader was before.
 *  BSM_UNSUPPORTED: this file can only be read from its start; open it anew. */
BSM_NODISCARD bsm_status bsm_audio_reader_seek(bsm_audio_reader *reader, uint64_t frame,
                                               bsm_error *error);

#endif
