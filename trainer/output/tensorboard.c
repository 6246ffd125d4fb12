/* SPDX-License-Identifier: ISC */
/* Writes TensorBoard event files. */
#include "output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FIGURES = 4096, MAX_EVENT = MAX_FIGURES + 64, MAX_TAG = 64 };

/* The fields of an Event, and of the messages in it. */
enum {
    EVENT_TIME = 1,    /* double */
    EVENT_STEP = 2,    /* integer */
    EVENT_VERSION = 3, /* text */
    EVENT_SUMMARY = 5,
    EVENT_RUN = 7, /* a status of 1, a start, invalidates what older files say from this step on */
    SUMMARY_VALUE = 1,
    VALUE_TAG = 1,
    VALUE_NUMBER = 2, /* float */
    RUN_STATUS = 1,
    RUN_STARTS = 1,
};

/* The encodings of a field. */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct bsm_tensorboard {
    int fd;
    char *path;
    size_t size; /**< of the figures */
    unsigned char figures[MAX_FIGURES];
};

/* ---- Checksums ---- */

uint32_t bsm_crc32c(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint32_t crc = ~0U;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
        }
    }
    return ~crc;
}

uint32_t bsm_crc32c_masked(const void *data, size_t size)
{
    const uint32_t crc = bsm_crc32c(data, size);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

/* ---- Protocol buffers: these functions return where the next byte goes ---- */

static unsigned char *put_varint(unsigned char *next, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *next++ = (unsigned char)(value | 0x80);
    }
    *next++ = (unsigned char)value;
    return next;
}

static unsigned char *put_key(unsigned char *next, unsigned field, unsigned wire)
{
    return put_varint(next, field << 3 | wire);
}

static unsigned char *put_fixed(unsigned char *next, const void *value, size_t size)
{
    memcpy(next, value, size); /* both formats are little-endian */
    return next + size;
}

static unsigned char *put_bytes(unsigned char *next, unsigned field, const void *data, size_t size)
{
    next = put_varint(put_key(next, field, WIRE_BYTES), size);
    return put_fixed(next, data, size);
}

static unsigned char *put_time_and_step(unsigned char *next, uint64_t step)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    next = put_fixed(put_key(next, EVENT_TIME, WIRE_64), &seconds, sizeof seconds);
    return put_varint(put_key(next, EVENT_STEP, WIRE_VARINT), step);
}

/* ---- Records ---- */

static bsm_status write_all(bsm_tensorboard *board, const unsigned char *data, size_t size,
                            bsm_error *error)
{
    while (size > 0) {
        const ssize_t written = write(board->fd, data, size);
        if (written < 0 && errno != EINTR) {
            return bsm_fail_errno(error, errno, board->path, "cannot write");
        }
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return BSM_OK;
}

/* An event, which begins with time and step, followed by `rest`. */
static bsm_status write_event(bsm_tensorboard *board, uint64_t step, unsigned field,
                              const void *rest, size_t size, bsm_error *error)
{
    unsigned char record[MAX_EVENT + 16], *event = record + 12;
    unsigned char *end = put_time_and_step(event, step);
    end = put_bytes(end, field, rest, size);
    const uint64_t length = (uint64_t)(end - event);
    const uint32_t length_crc = bsm_crc32c_masked(&length, sizeof length);
    const uint32_t crc = bsm_crc32c_masked(event, length);
    put_fixed(put_fixed(record, &length, sizeof length), &length_crc, sizeof length_crc);
    end = put_fixed(end, &crc, sizeof crc);
    return write_all(board, record, (size_t)(end - record), error);
}

static bsm_status write_start(bsm_tensorboard *board, uint64_t step, bsm_error *error)
{
    static const char version[] = "brain.Event:2";
    unsigned char run[16];
    bsm_status status = write_event(board, 0, EVENT_VERSION, version, sizeof version - 1, error);
    const unsigned char *end = put_varint(put_key(run, RUN_STATUS, WIRE_VARINT), RUN_STARTS);
    return status ? status : write_event(board, step, EVENT_RUN, run, (size_t)(end - run), error);
}

static bsm_status open_file(bsm_tensorboard *board, const char *folder, bsm_error *error)
{
    char host[128] = "host";
    gethostname(host, sizeof host - 1);
    if (asprintf(&board->path, "%s/events.out.tfevents.%lld.%s.%ld", folder, (long long)time(NULL),
                 host, (long)getpid()) < 0) {
        board->path = NULL;
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    board->fd = open(board->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return board->fd < 0 ? bsm_fail_errno(error, errno, board->path, "cannot write") : BSM_OK;
}

bsm_status bsm_tensorboard_open(const char *folder, uint64_t step, bsm_tensorboard **board,
                                bsm_error *error)
{
    bsm_tensorboard *b = calloc(1, sizeof *b);
    if (!b) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    b->fd = -1;
    bsm_status status = open_file(b, folder, error);
    if (!status) {
        status = write_start(b, step, error);
    }
    if (status) {
        bsm_tensorboard_close(b, NULL);
        return status;
    }
    *board = b;
    return BSM_OK;
}

bsm_status bsm_tensorboard_close(bsm_tensorboard *board, bsm_error *error)
{
    if (!board) {
        return BSM_OK;
    }
    bsm_status status = BSM_OK;
    if (board->fd >= 0 && close(board->fd)) {
        status = bsm_fail_errno(error, errno, board->path, "cannot write");
    }
    free(board->path);
    free(board);
    return status;
}

void bsm_tensorboard_add(bsm_tensorboard *board, const char *tag, double value)
{
    unsigned char figure[MAX_TAG + 16];
    const size_t length = strlen(tag);
    if (!isfinite(value) || length > MAX_TAG ||
        board->size + sizeof figure + 8 > sizeof board->figures) {
        return;
    }
    const float number = (float)value;
    unsigned char *end = put_bytes(figure, VALUE_TAG, tag, length);
    end = put_fixed(put_key(end, VALUE_NUMBER, WIRE_32), &number, sizeof number);
    end = put_bytes(board->figures + board->size, SUMMARY_VALUE, figure, (size_t)(end - figure));
    board->size = (size_t)(end - board->figures);
}

bsm_status bsm_tensorboard_write(bsm_tensorboard *board, uint64_t step, bsm_error *error)
{
    const size_t size = board->size;
    board->size = 0;
    return size == 0 ? BSM_OK
                     : write_event(board, step, EVENT_SUMMARY, board->figures, size, error);
}
