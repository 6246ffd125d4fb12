/* SPDX-License-Identifier: ISC */
/** The layer between a writer of audio files and libsndfile or a pipe. */
#ifndef BSM_FILE_ENCODER_H
#define BSM_FILE_ENCODER_H

#include <sndfile.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file/audio_writer.h"

/* libsndfile's formats, and the sample rates that they support. */

/** libsndfile's number for the format and its encoding. */
int bsm_encoder_format(const bsm_audio_format *format);

/** The rate to encode with: that of the samples, or the next higher one that the format supports,
 *  or the format's highest. */
size_t bsm_encoder_rate(const bsm_audio_format *format);

/** Whether the file's samples are integers. */
bool bsm_encoder_is_integer(const bsm_audio_format *format);

/* The file that libsndfile writes, as libsndfile sees it.
 *
 * libsndfile loses some errors of the system (for one, those while it closes a FLAC file), so the
 * first error is remembered here. What libsndfile cannot write itself, such as a cover, is
 * inserted between its own bytes without its knowledge. */

typedef struct bsm_encoder_io {
    int fd;
    int cause;             /**< errno of the first write that failed, or 0 */
    int64_t position;      /**< the position that libsndfile sees */
    size_t unsent;         /**< bytes since the disk was last told to start writing */
    unsigned char *insert; /**< bytes to insert; NULL: none; freed by bsm_encoder_io_clear */
    size_t insert_size;
    int64_t insert_at; /**< insert before the byte at this position as libsndfile counts it */
    int64_t inserted;  /**< inserted bytes that are in the file already */
    struct bsm_ogg_comment *ogg; /**< a filter that all bytes pass through, or NULL */
    int64_t passed;              /**< bytes that the filter has put out */
} bsm_encoder_io;

/** The `user` of these functions is a bsm_encoder_io. */
SF_VIRTUAL_IO bsm_encoder_io_functions(void);

void bsm_encoder_io_clear(bsm_encoder_io *io);

/* ---- Writing audio to a pipe, where nothing can be changed afterwards ---- */

/** Write the header of WAV with sizes that mean "to the end"; raw samples have no header. After
 *  false, errno says why it could not be written. */
bool bsm_stream_begin(const bsm_audio_format *format);

/** Write interleaved samples: floats, or, if format->bits is 16 or 24, integers in whose highest
 *  bits the value is. The samples are overwritten. */
bool bsm_stream_write(const bsm_audio_format *format, void *samples, size_t count);

#endif
