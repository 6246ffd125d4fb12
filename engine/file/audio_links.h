/* SPDX-License-Identifier: ISC */
/** Finds out what an audio file consists of: one piece of audio, or several that were joined end
 *  to end. */
#ifndef BSM_FILE_AUDIO_LINKS_H
#define BSM_FILE_AUDIO_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"

/* ---- A part of an open file, as a decoder reads it ---- */

enum { BSM_MAX_PATCHES = 2 };

/** Bytes that a decoder sees in place of those in the file. */
typedef struct bsm_byte_patch {
    uint64_t at; /**< in the file */
    size_t size; /**< 0: none */
    unsigned char bytes[8];
} bsm_byte_patch;

typedef struct bsm_file_bytes {
    int fd;              /**< not owned; the descriptor's own position is not used */
    uint64_t start, end; /**< in the file */
    uint64_t at;         /**< in the file: the next byte to read */
    bsm_byte_patch patches[BSM_MAX_PATCHES];
    int cause; /**< errno of the first read that failed, or 0 */
} bsm_file_bytes;

/** Read up to `count` bytes; fewer at the end or after an error of the system. */
size_t bsm_file_bytes_read(bsm_file_bytes *bytes, void *to, size_t count);

/** Like lseek, with the part's first byte at 0. -1 if the position is outside the part. */
int64_t bsm_file_bytes_seek(bsm_file_bytes *bytes, int64_t offset, int whence);

/** A window for scanning a part. */
typedef struct bsm_byte_window {
    bsm_file_bytes bytes;
    uint64_t at; /**< position of the buffer's first byte in the file */
    size_t have;
    unsigned char buffer[1 << 16];
} bsm_byte_window;

void bsm_byte_window_init(bsm_byte_window *window, int fd, uint64_t start, uint64_t end);

/** Get `count` bytes (at most 1024) at position `at` of the file, valid until the next call; NULL
 *  if there are not so many. */
const unsigned char *bsm_byte_window_at(bsm_byte_window *window, uint64_t at, size_t count);

/** The first position in `from` to `end` at which these 8 bytes stand; `end` if there is none. */
uint64_t bsm_byte_window_find(bsm_byte_window *window, uint64_t from, const unsigned char bytes[8]);

/** Read numbers of 2, 4 or 8 bytes, little-endian or big-endian. */
uint64_t bsm_little(const unsigned char *bytes, size_t size);
uint64_t bsm_big(const unsigned char *bytes, size_t size);

/* The header of a frame of MPEG audio (ISO/IEC 11172-3 and 13818-3), and the information frame
 * that encoders put first in a file. */

typedef struct bsm_mpeg_frame {
    unsigned version; /**< 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5 */
    unsigned layer;   /**< 1 to 3 */
    unsigned rate;    /**< Hz */
    bool mono;
    size_t size; /**< bytes, with the header */
} bsm_mpeg_frame;

enum { BSM_MPEG_HEADER = 4, BSM_MPEG_NOTE = 4 + 2 + 32 + 120 };

/** False if this is no header, or one of free format. */
bool bsm_mpeg_parse(const unsigned char header[BSM_MPEG_HEADER], bsm_mpeg_frame *frame);

/** Whether two frames can belong to one stream: they have the same version, layer, rate and
 *  channels. */
bool bsm_mpeg_alike(const bsm_mpeg_frame *a, const bsm_mpeg_frame *b);

/** Whether the frame at `bytes`, of which `size` bytes are there, is an information frame of Xing,
 *  LAME or Fraunhofer in place of audio. `frames` is the number of frames that it announces, or
 *  0. */
bool bsm_mpeg_note(const bsm_mpeg_frame *frame, const unsigned char *bytes, size_t size,
                   uint64_t *frames);

/* The list of an audio file's links, and the functions that find them in each kind of file. */

typedef enum bsm_codec {
    BSM_CODEC_SNDFILE, /**< anything that libsndfile reads */
    BSM_CODEC_FLAC,
    /** samples without a header, for example in a WAV file that is too long for its header */
    BSM_CODEC_RAW,
    BSM_CODEC_MPEG,
    BSM_CODEC_VORBIS,
    BSM_CODEC_OPUS,
    BSM_CODEC_PROGRAM, /**< anything that only the program ffmpeg may read */
} bsm_codec;

/** Interleaved samples, little-endian. */
typedef struct bsm_raw_samples {
    size_t rate, channels;
    size_t bits; /**< 8 (unsigned), 16, 24, 32 or 64 */
    bool real;   /**< the samples are floating-point numbers */
} bsm_raw_samples;

typedef struct bsm_audio_link {
    bsm_codec codec;
    uint64_t start, end; /**< in the file */
    bsm_byte_patch patches[BSM_MAX_PATCHES];
    bsm_raw_samples raw;
    /** bytes or frames of its audio: announced, and present; equal if nothing is missing */
    uint64_t announced, present;
} bsm_audio_link;

typedef struct bsm_audio_links {
    bsm_audio_link *links;
    size_t count;
    uint64_t torn;   /**< bytes at the very end that begin a frame or page without completing it */
    uint64_t others; /**< bytes between or after the audio that are neither audio nor tags */
} bsm_audio_links;

/** Append a link. False when out of memory. */
bool bsm_audio_links_add(bsm_audio_links *links, const bsm_audio_link *link);

void bsm_audio_links_clear(bsm_audio_links *links);

/* ---- One function for each kind of file; false when out of memory ---- */

/** If MPEG audio begins at window->bytes.start, or up to `junk` bytes later, add its links.
 *  `certain` is the number of consecutive frames that count as proof. */
bool bsm_mpeg_links(bsm_byte_window *window, uint64_t junk, size_t certain, bsm_audio_links *links);

/** The same for Ogg. */
bool bsm_ogg_links(bsm_byte_window *window, bsm_audio_links *links);

/** The same for WAV and its relatives, AIFF, AU and CAF. */
bool bsm_chunk_links(bsm_byte_window *window, bsm_audio_links *links);

/** The position after a tag of MP3 files (ID3, APE, Lyrics3) at `at`, or `at` if there is none. */
uint64_t bsm_skip_tag(bsm_byte_window *window, uint64_t at);

/* What an audio file consists of: one piece of audio, or several that were joined end to end (MP3
 * files by cat, the songs of a recorded Ogg station), each with its own headers. */

/** Scan an open file of `size` bytes. A file that is not understood is one link of
 *  BSM_CODEC_SNDFILE. BSM_NO_MEMORY, BSM_IO. */
BSM_NODISCARD bsm_status bsm_audio_links_find(int fd, uint64_t size, const char *path,
                                              bsm_audio_links *links, bsm_error *error);

#endif
