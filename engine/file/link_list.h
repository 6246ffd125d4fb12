/* SPDX-License-Identifier: ISC */
/** A list of the links of an audio file (audio_links.h), and who finds them in one kind of file. */
#ifndef BSM_FILE_LINK_LIST_H
#define BSM_FILE_LINK_LIST_H

#include <stdbool.h>

#include "file/file_bytes.h"

typedef enum bsm_codec {
    BSM_CODEC_SNDFILE, /**< whatever libsndfile reads */
    BSM_CODEC_FLAC,
    BSM_CODEC_RAW, /**< samples without a header, as in a WAV file that is too long for it */
    BSM_CODEC_MPEG,
    BSM_CODEC_VORBIS,
    BSM_CODEC_OPUS,
    BSM_CODEC_PROGRAM, /**< what only the program ffmpeg may read */
} bsm_codec;

/** Samples that lie interleaved, the least significant byte first. */
typedef struct bsm_raw_samples {
    size_t rate, channels;
    size_t bits; /**< 8 (without a sign), 16, 24, 32 or 64 */
    bool real;   /**< floating point */
} bsm_raw_samples;

typedef struct bsm_audio_link {
    bsm_codec codec;
    uint64_t start, end; /**< in the file */
    bsm_byte_patch patches[BSM_MAX_PATCHES];
    bsm_raw_samples raw;
    uint64_t announced, present; /**< bytes or frames of its sound: equal where none is missing */
} bsm_audio_link;

typedef struct bsm_audio_links {
    bsm_audio_link *links;
    size_t count;
    uint64_t torn;   /**< bytes at the very end that begin something and do not end it */
    uint64_t others; /**< bytes between or behind the sound that are neither sound nor tags */
} bsm_audio_links;

/** Add a link. False: out of memory. */
bool bsm_audio_links_add(bsm_audio_links *links, const bsm_audio_link *link);

void bsm_audio_links_clear(bsm_audio_links *links);

/* ---- For one kind of file each; false: out of memory ---- */

/** If MPEG audio begins at window->bytes.start, or up to `junk` bytes behind it, add its links.
 *  `certain` is how many frames in a row are proof enough. */
bool bsm_mpeg_links(bsm_byte_window *window, uint64_t junk, size_t certain, bsm_audio_links *links);

/** The same for Ogg. */
bool bsm_ogg_links(bsm_byte_window *window, bsm_audio_links *links);

/** The same for WAV and its like, AIFF, AU and CAF. */
bool bsm_chunk_links(bsm_byte_window *window, bsm_audio_links *links);

/** Behind a tag of MP3 files (ID3, APE, Lyrics3), or `at` where there is none. */
uint64_t bsm_skip_tag(bsm_byte_window *window, uint64_t at);

#endif
