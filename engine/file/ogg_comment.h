/* SPDX-License-Identifier: ISC */
/** Adds a comment to an Ogg stream of Vorbis or Opus while it is written: libsndfile writes only
 * the comments that all formats have. (RFC 3533; RFC 7845, 5.2; Vorbis I specification, 5.2.) */
#ifndef BSM_FILE_OGG_COMMENT_H
#define BSM_FILE_OGG_COMMENT_H

#include <stddef.h>

typedef struct bsm_ogg_comment bsm_ogg_comment;

/** Make a filter. It owns `comment` ("NAME=text", `length` bytes) from then on, and free() frees
 *  it. NULL when out of memory; `comment` is then freed. */
bsm_ogg_comment *bsm_ogg_comment_new(char *comment, size_t length);
void bsm_ogg_comment_free(bsm_ogg_comment *filter);

/** Take the stream's next bytes.
 *  @param out  the bytes to write now, valid until the next call
 *  @return     their number; SIZE_MAX when out of memory */
size_t bsm_ogg_comment_pass(bsm_ogg_comment *filter, const void *data, size_t count,
                            const void **out);

#endif
