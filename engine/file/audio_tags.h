/* SPDX-License-Identifier: ISC */
/** The picture that comes with music: its bytes as they are, and in the block of FLAC that Vorbis
 *  and Opus have taken over (RFC 9639, 8.8). */
#ifndef BSM_FILE_AUDIO_TAGS_H
#define BSM_FILE_AUDIO_TAGS_H

#include <stddef.h>

/* The picture that comes with music: its bytes as they are, and in the block of FLAC that Vorbis
 *  and Opus have taken over (RFC 9639, 8.8). */

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

/** What the comment of a cover begins with in Vorbis and Opus. */
#define BSM_COVER_COMMENT "METADATA_BLOCK_PICTURE="

/** That comment, with FLAC's block in base64: `*length` bytes, which free() frees; NULL: out of
 *  memory. */
char *bsm_cover_comment(const bsm_cover *cover, size_t *length);

void bsm_cover_clear(bsm_cover *cover);

/* What a file says of its music: title, artist, ... and its cover, as far as all formats have it.
 */

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

/* ---- Tags and cover as ID3v2.4, which MP3 begins with and WAV may have in a chunk ---- */

/** The bytes, which free() frees; NULL: there is nothing to say, or no memory to say it. */
unsigned char *bsm_id3_tag(const bsm_audio_tags *tags, size_t *size);

#endif
