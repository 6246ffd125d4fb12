/* SPDX-License-Identifier: ISC */
/** The picture that comes with music: its bytes as they are, and in the block of FLAC that Vorbis
 *  and Opus have taken over (RFC 9639, 8.8). */
#ifndef BSM_FILE_COVER_H
#define BSM_FILE_COVER_H

#include <stddef.h>

typedef struct bsm_cover {
    char type[64];       /**< "image/jpeg" */
    unsigned char *data; /**< NULL: none */
    size_t size;
} bsm_cover;

/** Of what is no more than 16 MB, a copy, unless there is one already. `type` "": as the data look.
 * Where memory is short, or it is neither JPEG nor PNG nor says what it is, it is left out. */
void bsm_cover_set(bsm_cover *cover, const char *type, const void *data, size_t size);

/** The same from FLAC's block in base64. */
void bsm_cover_set_base64(bsm_cover *cover, const char *text, size_t length);

/** FLAC's block, without its header, which free() frees; NULL: out of memory. */
unsigned char *bsm_cover_block(const bsm_cover *cover, size_t *size);

void bsm_cover_clear(bsm_cover *cover);

#endif
