/* SPDX-License-Identifier: ISC */
#include "bsm/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *bsm_version(void)
{
    return BSM_VERSION;
}

const char *bsm_strerror(bsm_status status)
{
    switch (status) {
    case BSM_OK: return "success";
    case BSM_INVALID_ARGUMENT: return "invalid argument";
    case BSM_NO_MEMORY: return "out of memory";
    case BSM_NOT_FOUND: return "not found";
    case BSM_NO_PERMISSION: return "no permission";
    case BSM_NO_SPACE: return "no space left";
    case BSM_EXISTS: return "exists already";
    case BSM_IO: return "input or output failed";
    case BSM_BAD_MODEL: return "bad model file";
    case BSM_BAD_AUDIO: return "bad audio file";
    case BSM_UNSUPPORTED: return "not supported";
    case BSM_NO_DEVICE: return "no such compute device";
    case BSM_DEVICE_FAILED: return "the compute device failed";
    case BSM_CANCELLED: return "cancelled";
    }
    return "unknown status";
}

/* Masks the control characters of ASCII and those that Unicode added, U+0080 to U+009F, because
 * terminals obey both. */
static void mask_control_characters(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            *c = '?';
        } else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) {
            *c++ = '?';
            *c = '?';
        }
    }
}

static bool inside_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80; /* UTF-8 */
}

/* A message has its path first and its cause last, so a message that is too long keeps both
 * ends. */
static void shorten(char *line, size_t size, const char *text, size_t length)
{
    static const char gap[] = "...";
    const size_t room = size - sizeof gap;
    size_t head = room / 2, tail = length - (room - head);
    while (head > 0 && inside_character(text[head])) {
        head--;
    }
    while (inside_character(text[tail])) {
        tail++;
    }
    memcpy(line, text, head);
    memcpy(line + head, gap, sizeof gap - 1);
    memcpy(line + head + sizeof gap - 1, text + tail, length - tail + 1);
}

static void format_line(char *line, size_t size, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const int length = vsnprintf(line, size, format, arguments);
    if (length >= 0 && (size_t)length >= size) {
        char *text = malloc((size_t)length + 1);
        if (text) {
            vsnprintf(text, (size_t)length + 1, format, again);
            shorten(line, size, text, (size_t)length);
            free(text);
        }
    }
    va_end(again);
    mask_control_characters(line);
}

void bsm_format_line(char *line, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_line(line, size, format, arguments);
    va_end(arguments);
}

bsm_status bsm_fail(bsm_error *error, bsm_status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        format_line(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        error->status = status;
    }
    return status;
}

static bsm_status status_of_errno(int errno_value)
{
    switch (errno_value) {
    case ENOENT:
    case ENOTDIR: return BSM_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return BSM_NO_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return BSM_NO_SPACE;
    case EEXIST: return BSM_EXISTS;
    case ENOMEM: return BSM_NO_MEMORY;
    default: return BSM_IO;
    }
}

bsm_status bsm_fail_errno(bsm_error *error, int errno_value, const char *path, const char *what)
{
    return bsm_fail(error, status_of_errno(errno_value), "%s: %s: %s", path, what,
                    strerror(errno_value));
}
