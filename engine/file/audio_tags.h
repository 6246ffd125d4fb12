/* SPDX-License-Identifier: ISC */
/** What a file says of its music: title, artist, ... and its cover, as far as all formats have it.
 */
#ifndef BSM_FILE_AUDIO_TAGS_H
#define BSM_FILE_AUDIO_TAGS_H

#include <stddef.h>

#include "file/cover.h"

typedef enum bsm_tag {
    BSM_TAG_TITLE,
    BSM_TAG_ARTIST,
    BSM_TAG_ALBUM,
    BSM_TAG_DATE,
    BSM_TAG_TRACK,
    BSM_TAG_GENRE,
    BSM_TAG_COMMENT,
    BSM_TAG_COPYRIGHT,
    BSM_NUM_TAGS
} bsm_tag;

/** UTF-8; "" where nothing is said. Longer texts are cut. */
typedef struct bsm_audio_tags {
    char texts[BSM_NUM_TAGS][512];
    bsm_cover cover;
} bsm_audio_tags;

void bsm_audio_tags_clear(bsm_audio_tags *tags);

/** Set a tag, unless `text` is NULL or the tag is set already. */
void bsm_audio_tags_set(bsm_audio_tags *tags, bsm_tag tag, const char *text, size_t length);

/** The same for the tag that Vorbis and ffmpeg call `name`, in small letters or others; others than
 *  ours are passed over. */
void bsm_audio_tags_set_named(bsm_audio_tags *tags, const char *name, size_t name_length,
                              const char *text, size_t length);

/** The same for "NAME=TEXT", and for a cover that Vorbis and Opus have there. */
void bsm_audio_tags_set_comment(bsm_audio_tags *tags, const char *comment, size_t length);

#endif
