/* SPDX-License-Identifier: ISC */
/** How bsm reports errors: a status for the program, a line of text for the person. */
#ifndef BSM_STATUS_H
#define BSM_STATUS_H

#include <stddef.h>

#include "bsm/attributes.h"

BSM_BEGIN_DECLS

typedef enum bsm_status {
    BSM_OK = 0,
    BSM_INVALID_ARGUMENT, /**< a value out of its documented range */
    BSM_NO_MEMORY,
    BSM_NOT_FOUND,     /**< no such file, tensor or name */
    BSM_NO_PERMISSION, /**< the system refused to read or to write */
    BSM_NO_SPACE,      /**< the disk or the quota is full */
    BSM_EXISTS,        /**< the output is there already and was kept */
    BSM_IO,            /**< any other failure to read or to write */
    BSM_BAD_MODEL,     /**< truncated, corrupt, malicious or unfitting model file */
    BSM_BAD_AUDIO,     /**< unreadable, empty or unsupported audio file */
    BSM_UNSUPPORTED,   /**< valid, but more than this build can do */
    BSM_NO_DEVICE,     /**< the compute device asked for is not there */
    BSM_DEVICE_FAILED, /**< the compute device stopped working */
    BSM_CANCELLED,     /**< the caller asked to stop */
} bsm_status;

/** A status and one line without a newline that names the file, the tensor and the cause. */
typedef struct bsm_error {
    bsm_status status;
    char message[512];
} bsm_error;

/** Return the version of the library, such as "0.2.0". Any thread. */
BSM_API BSM_REALTIME const char *bsm_version(void);

/** Return a short English phrase for a status, never NULL. Any thread. */
BSM_API BSM_REALTIME const char *bsm_strerror(bsm_status status);

/** As snprintf, for one line on a terminal: control characters, which a file name or a corrupt file
 *  may bring in, become '?', and of a text that is too long its start and its end stay, with "..."
 *  in between. `size` is at least 8. Not for the audio thread. */
BSM_API void bsm_format_line(char *line, size_t size, const char *format, ...) BSM_PRINTF(3, 4);

/** Fill `error` (which may be NULL) and return `status`, so that a function can end in
 *  `return bsm_fail(error, BSM_IO, "%s: ...", path);`. The text is made as by bsm_format_line, and
 *  may not come from `error` itself. Not for the audio thread. */
BSM_API bsm_status bsm_fail(bsm_error *error, bsm_status status, const char *format, ...)
    BSM_PRINTF(3, 4);

/** As bsm_fail, with a status and a text made from `errno_value`: "PATH: what: reason". */
BSM_API bsm_status bsm_fail_errno(bsm_error *error, int errno_value, const char *path,
                                  const char *what);

BSM_END_DECLS

#endif
