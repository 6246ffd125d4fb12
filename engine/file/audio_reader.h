/* SPDX-License-Identifier: ISC */
/** Reads an audio file as one or two channels, whatever its format.
 *
 *  What can be decoded counts, not what a header says. If a file was joined from several, all of
 *  them are read one after the other, at the highest of their rates. */
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
    /** samples per channel, as far as that is known without decoding, or BSM_UNKNOWN_FRAMES */
    uint64_t frames;
    uint64_t nonfinite; /**< NaN and infinite samples so far, which are read as 0 */
    /** samples per channel that were announced but are missing (if more than a twentieth of a
     *  second); complete at the end */
    uint64_t missing;
    size_t parts;     /**< files that were joined to this one; complete at the end */
    size_t mixed;     /**< number of channels that were mixed down to two, or 0 */
    char remark[240]; /**< anything else that the user should know, or ""; complete at the end */
} bsm_audio_info;

/** BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_BAD_AUDIO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_audio_reader_open(const char *path, bsm_audio_reader **reader,
                                               bsm_error *error);
void bsm_audio_reader_free(bsm_audio_reader *reader);

const bsm_audio_info *bsm_audio_reader_info(const bsm_audio_reader *reader);

/** The file's tags, known before anything is read. */
void bsm_audio_reader_tags(bsm_audio_reader *reader, bsm_audio_tags *tags);

/** Read the next samples, a plane per channel: `count`, or fewer at the end, which may come before
 *  or after info.frames. BSM_IO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_audio_reader_read(bsm_audio_reader *reader, float *const *audio,
                                               size_t count, size_t *got, bsm_error *error);

/** Go to sample `frame`, at most info.frames. Reading from there gives the same samples as reading
 *  from the start (with Opus to 1e-7), and the same bits wherever the reader was before.
 *  BSM_UNSUPPORTED: this file can only be read from its start; open it again. */
BSM_NODISCARD bsm_status bsm_audio_reader_seek(bsm_audio_reader *reader, uint64_t frame,
                                               bsm_error *error);

#endif
