/* SPDX-License-Identifier: ISC */
/* Writes audio to a pipe. */
#include "file/encoder.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PCM = 1, FLOAT = 3, HEADER = 44 };

static bool write_all(int fd, const unsigned char *data, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, data, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return true;
}

static void put(unsigned char *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = (unsigned char)(value >> 8 * i);
    }
}

bool bsm_stream_begin(const bsm_audio_format *format)
{
    unsigned char header[HEADER];
    const uint64_t frame = format->channels * (uint64_t)format->bits / 8;
    if (format->format == BSM_FILE_RAW) {
        return true;
    }
    memcpy(header, "RIFF\xFF\xFF\xFF\xFFWAVEfmt ", 16);
    put(header + 16, 16, 4);
    put(header + 20, format->bits == 32 ? FLOAT : PCM, 2);
    put(header + 22, format->channels, 2);
    put(header + 24, format->rate, 4);
    put(header + 28, format->rate * frame, 4);
    put(header + 32, frame, 2);
    put(header + 34, (uint64_t)format->bits, 2);
    memcpy(header + 36, "data\xFF\xFF\xFF\xFF", 8);
    return write_all(format->stream, header, sizeof header);
}

bool bsm_stream_write(const bsm_audio_format *format, void *samples, size_t count)
{
    unsigned char *bytes = samples;
    const size_t size = (size_t)format->bits / 8, values = count * format->channels;
    for (size_t i = 0; i < values; i++) {
        uint32_t value;
        memcpy(&value, bytes + 4 * i, 4);
        put(bytes + size * i, value >> (32 - 8 * size), size); /* writes never overtake reads */
    }
    return write_all(format->stream, bytes, size * values);
}
