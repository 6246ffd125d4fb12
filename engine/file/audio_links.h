/* SPDX-License-Identifier: ISC */
/** What an audio file consists of: one piece of audio, or several that were joined end to end. */
#ifndef BSM_FILE_AUDIO_LINKS_H
#define BSM_FILE_AUDIO_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"

/* ---- A part of an open file, as a decoder reads it ---- */

enum { BSM_MAX_PATCHES = 2 };

/** Bytes that a decoder is to see in place of those in the file. */
typedef struct bsm_byte_patch {
    uint64_t at; /**< in the file */
    size_t size; /**< 0: none */
    unsigned char bytes[8];
} bsm_byte_patch;

typedef struct bsm_file_bytes {
    int fd;              /**< not owned; its own position is not used */
    uint64_t start, end; /**< in the file */
    uint64_t at;         /**< in the file: what is read next */
    bsm_byte_patch patches[BSM_MAX_PATCHES];
    int cause; /**< errno of a read that failed, or 0 */
} bsm_file_bytes;

/** Read up to `count` bytes on; fewer at the end, or where the system fails. */
size_t bsm_file_bytes_read(bsm_file_bytes *bytes, void *to, size_t count);

/** As lseek, where 0 is the part's first byte. -1: out of it. */
int64_t bsm_file_bytes_seek(bsm_file_bytes *bytes, int64_t offset, int whence);

/** A view of a part, for looking through it. */
typedef struct bsm_byte_window {
    bsm_file_bytes bytes;
    uint64_t at; /**< of the buffer's first byte, in the file */
    size_t have;
    unsigned char buffer[1 << 16];
} bsm_byte_window;

void bsm_byte_window_init(bsm_byte_window *window, int fd, uint64_t start, uint64_t end);

/** `count` bytes from `at` in the file, at most 1024, valid until the next call; NULL: there are
 *  not so many. */
const unsigned char *bsm_byte_window_at(bsm_byte_window *window, uint64_t at, size_t count);

/** The first place from `from` on, up to `end`, where these 8 bytes stand; `end` if nowhere. */
uint64_t bsm_byte_window_find(bsm_byte_window *window, uint64_t from, const unsigned char bytes[8]);

/** Numbers of 2, 4 or 8 bytes, least or most significant first. */
uint64_t bsm_little(const unsigned char *bytes, size_t size);
uint64_t bsm_big(const unsigned char *bytes, size_t size);

/* The header of a frame of MPEG audio (ISO/IEC 11172-3 and 13818-3), and what encoders note in the
 *  first frame of a file. */

typedef struct bsm_mpeg_frame {
    unsigned version; /**< 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5 */
    unsigned layer;   /**< 1 to 3 */
    unsigned rate;    /**< Hz */
    bool mono;
    size_t size; /**< bytes, with the header */
} bsm_mpeg_frame;

enum { BSM_MPEG_HEADER = 4, BSM_MPEG_NOTE = 4 + 2 + 32 + 120 };

/** False: no header, or one of free format. */
bool bsm_mpeg_parse(const unsigned char header[BSM_MPEG_HEADER], bsm_mpeg_frame *frame);

/** True if two frames can be of one stream: the same version, layer, rate and channels. */
bool bsm_mpeg_alike(const bsm_mpeg_frame *a, const bsm_mpeg_frame *b);

/** True if the frame that begins at `bytes`, `size` of which are there, holds a note of Xing's,
 *  LAME's or Fraunhofer's kind in place of sound; `frames` is how many it announces, or 0. */
bool bsm_mpeg_note(const bsm_mpeg_frame *frame, const unsigned char *bytes, size_t size,
                   uint64_t *frames);

/* A list of the links of an audio file (audio_links.h), and who finds them in one kind of file. */

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

/* What an audio file consists of: one piece of sound, or several that were joined end to end (MP3
 *  files by cat, the songs of a recorded Ogg station), each with headers of its own. */

/** Look through an open file of `size` bytes. What is not understood is one link of
 *  BSM_CODEC_SNDFILE. BSM_NO_MEMORY, BSM_IO. */
BSM_NODISCARD bsm_status bsm_audio_links_find(int fd, uint64_t size, const char *path,
                                              bsm_audio_links *links, bsm_error *error);

#endif
