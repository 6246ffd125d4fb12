/* SPDX-License-Identifier: ISC */
#include "bsm/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* A corrupt file must not be able to write to the terminal through an error message. */
static void mask_control_characters(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

bsm_status bsm_fail(bsm_error *error, bsm_status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        mask_control_characters(error->message);
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
