/* SPDX-License-Identifier: ISC */
/** Tags and covers of music files. */
#ifndef BSM_FILE_AUDIO_TAGS_H
#define BSM_FILE_AUDIO_TAGS_H

#include <stddef.h>

/* A cover: the picture's bytes as they are, and the FLAC block that Vorbis and Opus have adopted
 * for it (RFC 9639, 8.8). */

typedef struct bsm_cover {
    char type[64];       /**< "image/jpeg" */
    unsigned char *data; /**< NULL: none */
    size_t size;
} bsm_cover;

/** Copy a picture of at most 16 MB, unless there is one already. A `type` of "" is found from the
 *  data. The picture is dropped if memory is short, or if it is neither JPEG nor PNG and has no
 *  type. */
void bsm_cover_set(bsm_cover *cover, const char *type, const void *data, size_t size);

/** The same from a FLAC block in base64. */
void bsm_cover_set_base64(bsm_cover *cover, const char *text, size_t length);

/** Make the FLAC block without its header, which free() frees; NULL when out of memory. */
unsigned char *bsm_cover_block(const bsm_cover *cover, size_t *size);

/** The beginning of the comment with a cover in Vorbis and Opus. */
#define BSM_COVER_COMMENT "METADATA_BLOCK_PICTURE="

/** Make that comment with the FLAC block in base64: `*length` bytes, which free() frees; NULL when
 *  out of memory. */
char *bsm_cover_comment(const bsm_cover *cover, size_t *length);

void bsm_cover_clear(bsm_cover *cover);

/* The tags of a music file: title, artist and so on, and its cover, as far as all formats have
 * them. */

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

/** UTF-8; "" if the tag is not set. Longer texts are cut. */
typedef struct bsm_audio_tags {
    char texts[BSM_NUM_TAGS][512];
    bsm_cover cover;
} bsm_audio_tags;

void bsm_audio_tags_clear(bsm_audio_tags *tags);

/** Set a tag, unless `text` is NULL or the tag is already set. */
void bsm_audio_tags_set(bsm_audio_tags *tags, bsm_tag tag, const char *text, size_t length);

/** The same for a tag by the `name` that Vorbis and ffmpeg use, in any case; other names are
 *  ignored. */
void bsm_audio_tags_set_named(bsm_audio_tags *tags, const char *name, size_t name_length,
                              const char *text, size_t length);

/** The same for "NAME=TEXT", and for a cover in the form of Vorbis and Opus. */
void bsm_audio_tags_set_comment(bsm_audio_tags *tags, const char *comment, size_t length);

/* ---- Tags and cover as ID3v2.4, which begins an MP3 file and may be a chunk of a WAV file ---- */

/** Make the bytes, which free() frees; NULL if there are no tags or memory is short. */
unsigned char *bsm_id3_tag(const bsm_audio_tags *tags, size_t *size);

#endif
