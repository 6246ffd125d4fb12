/* SPDX-License-Identifier: ISC */
/** Reading an audio file as one or two channels, whatever its format.
 *
 *  What counts is what can be decoded, not what a header says. Of a file that was joined from
 *  several, all are read, one after the other, at the highest of their rates. */
#ifndef BSM_FILE_AUDIO_READER_H
#define BSM_FILE_AUDIO_READER_H

#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"
#include "file/decoder.h"

typedef struct bsm_audio_reader bsm_audio_reader;

typedef struct bsm_audio_info {
    size_t rate; /**< Hz */
    size_t channels;
    uint64_t frames;    /**< samples per channel that there are or should be, as far as can be told
                             without decoding; or BSM_UNKNOWN_FRAMES */
    uint64_t nonfinite; /**< NaN and Inf met so far, read as 0 */
    uint64_t missing;   /**< samples per channel that were announced and are not there, but for a
                             twentieth of a second: as far as is known, complete at the end */
    size_t parts;       /**< that were joined to one file; complete at the end */
    size_t mixed;       /**< channels that were mixed down to two, or 0 */
    char remark[240];   /**< what else the user should know, or ""; complete at the end */
} bsm_audio_info;

/** BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_BAD_AUDIO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_audio_reader_open(const char *path, bsm_audio_reader **reader,
                                               bsm_error *error);
void bsm_audio_reader_free(bsm_audio_reader *reader);

const bsm_audio_info *bsm_audio_reader_info(const bsm_audio_reader *reader);

/** What the file says of its music, before anything is read. */
void bsm_audio_reader_tags(bsm_audio_reader *reader, bsm_audio_tags *tags);

/** Read the next samples, a plane per channel: `count`, or fewer at the end, which may come before
 *  or after info.frames. BSM_IO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_audio_reader_read(bsm_audio_reader *reader, float *const *audio,
                                               size_t count, size_t *got, bsm_error *error);

/** Go to sample `frame`, at most info.frames: what is read from there is what reading from the
 *  start would give (of Opus to 1e-7), and the same bits wherever the reader was before.
 *  BSM_UNSUPPORTED: this file can only be read from its start; open it anew. */
BSM_NODISCARD bsm_status bsm_audio_reader_seek(bsm_audio_reader *reader, uint64_t frame,
                                               bsm_error *error);

#endif
