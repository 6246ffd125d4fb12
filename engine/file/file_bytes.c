/* SPDX-License-Identifier: ISC */
/* Reads a part of an open file for a decoder. */
#include "file/audio_links.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void apply(const bsm_byte_patch *patch, uint64_t at, unsigned char *to, size_t count)
{
    for (size_t i = 0; i < patch->size; i++) {
        if (patch->at + i >= at && patch->at + i < at + count) {
            to[patch->at + i - at] = patch->bytes[i];
        }
    }
}

size_t bsm_file_bytes_read(bsm_file_bytes *bytes, void *to, size_t count)
{
    size_t done = 0;
    if (bytes->at >= bytes->end) {
        return 0;
    }
    if (count > bytes->end - bytes->at) {
        count = (size_t)(bytes->end - bytes->at);
    }
    while (done < count) {
        const ssize_t got =
            pread(bytes->fd, (unsigned char *)to + done, count - done, (off_t)(bytes->at + done));
        if (got < 0 && errno != EINTR) {
            bytes->cause = errno;
        }
        if (got == 0 || bytes->cause) {
            break;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    for (size_t i = 0; i < BSM_MAX_PATCHES; i++) {
        apply(&bytes->patches[i], bytes->at, to, done);
    }
    bytes->at += done;
    return done;
}

int64_t bsm_file_bytes_seek(bsm_file_bytes *bytes, int64_t offset, int whence)
{
    const uint64_t from = whence == SEEK_SET   ? bytes->start
                          : whence == SEEK_CUR ? bytes->at
                                               : bytes->end;
    const uint64_t to = from + (uint64_t)offset;
    if ((offset < 0 && from - bytes->start < 0 - (uint64_t)offset) || to > INT64_MAX) {
        return -1;
    }
    bytes->at = to;
    return (int64_t)(to - bytes->start);
}

/* ---- Scanning a part ---- */

void bsm_byte_window_init(bsm_byte_window *window, int fd, uint64_t start, uint64_t end)
{
    window->bytes = (bsm_file_bytes){.fd = fd, .start = start, .end = end, .at = start};
    window->at = start;
    window->have = 0;
}

static void fill(bsm_byte_window *window, uint64_t at)
{
    window->at = window->bytes.at = at;
    window->have = bsm_file_bytes_read(&window->bytes, window->buffer, sizeof window->buffer);
}

const unsigned char *bsm_byte_window_at(bsm_byte_window *window, uint64_t at, size_t count)
{
    if (at < window->at || at + count > window->at + window->have) {
        fill(window, at);
    }
    return count <= window->have ? window->buffer + (at - window->at) : NULL;
}

uint64_t bsm_byte_window_find(bsm_byte_window *window, uint64_t from, const unsigned char bytes[8])
{
    for (uint64_t at = from; at < window->bytes.end;) {
        fill(window, at);
        const unsigned char *found = memmem(window->buffer, window->have, bytes, 8);
        if (found) {
            return at + (uint64_t)(found - window->buffer);
        }
        if (window->have < sizeof window->buffer) {
            break;
        }
        at += window->have - 7;
    }
    return window->bytes.end;
}

uint64_t bsm_little(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

uint64_t bsm_big(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}
