/* SPDX-License-Identifier: ISC */
/** A part of an open file, as a decoder reads it. */
#ifndef BSM_FILE_FILE_BYTES_H
#define BSM_FILE_FILE_BYTES_H

#include <stddef.h>
#include <stdint.h>

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

#endif
