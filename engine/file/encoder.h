/* SPDX-License-Identifier: ISC */
/** What stands between a writer of audio files and libsndfile or a pipe. */
#ifndef BSM_FILE_ENCODER_H
#define BSM_FILE_ENCODER_H

#include <sndfile.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/audio_writer.h"

/* What libsndfile calls the formats that are written, and the sample rates that they have. */

/** The number of libsndfile's format, and of its encoding. */
int bsm_encoder_format(const bsm_audio_format *format);

/** The rate to encode with: that of the samples, or the next higher that the format has, or its
 *  highest. */
size_t bsm_encoder_rate(const bsm_audio_format *format);

/** True if the file's samples are integers. */
bool bsm_encoder_is_integer(const bsm_audio_format *format);

/* The file that libsndfile writes into, as it sees it.
 *
 *  libsndfile forgets some of the failures of the system (those while it closes a FLAC file, for
 *  one), so the first is remembered here. What it cannot write itself, such as a cover, is put
 * between its own bytes without its knowledge. */

typedef struct bsm_encoder_io {
    int fd;
    int cause;             /**< errno of the first write that failed, or 0 */
    int64_t position;      /**< as libsndfile sees it */
    size_t unsent;         /**< bytes since the disk was last asked to begin */
    unsigned char *insert; /**< NULL: nothing; freed by bsm_encoder_io_clear */
    size_t insert_size;
    int64_t insert_at;           /**< before the byte that libsndfile knows by this number */
    int64_t inserted;            /**< bytes of it that are in the file */
    struct bsm_ogg_comment *ogg; /**< what all bytes pass on their way, or NULL */
    int64_t passed;              /**< bytes that came out of it */
} bsm_encoder_io;

/** `user` of these functions is a bsm_encoder_io. */
SF_VIRTUAL_IO bsm_encoder_io_functions(void);

void bsm_encoder_io_clear(bsm_encoder_io *io);

/* ---- Writing sound into a pipe, where nothing can be changed afterwards ---- */

/** The header of WAV, with the sizes that mean "to the end"; of raw samples nothing.
 *  False: errno says why it could not be written. */
bool bsm_stream_begin(const bsm_audio_format *format);

/** Interleaved samples: floats, or if format->bits is 16 or 24 integers of which the highest bits
 *  count. They are scratch afterwards. */
bool bsm_stream_write(const bsm_audio_format *format, void *samples, size_t count);

#endif
