/* SPDX-License-Identifier: ISC */
/** The file that libsndfile writes into, as it sees it.
 *
 *  libsndfile forgets some of the failures of the system (those while it closes a FLAC file, for
 *  one), so the first is remembered here. What it cannot write itself, such as a cover, is put
 * between its own bytes without its knowledge. */
#ifndef BSM_FILE_ENCODER_IO_H
#define BSM_FILE_ENCODER_IO_H

#include <sndfile.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bsm_encoder_io {
    int fd;
    int cause;             /**< errno of the first write that failed, or 0 */
    int64_t position;      /**< as libsndfile sees it */
    size_t unsent;         /**< bytes since the disk was last asked to begin */
    unsigned char *insert; /**< NULL: nothing; freed by bsm_encoder_io_clear */
    size_t insert_size;
    int64_t insert_at; /**< before the byte that libsndfile knows by this number */
    int64_t inserted;  /**< bytes of it that are in the file */
} bsm_encoder_io;

/** `user` of these functions is a bsm_encoder_io. */
SF_VIRTUAL_IO bsm_encoder_io_functions(void);

void bsm_encoder_io_clear(bsm_encoder_io *io);

#endif
