/* SPDX-License-Identifier: ISC */
/** How bsm reports errors: by a status for the program and a line of text for the user. */
#ifndef BSM_STATUS_H
#define BSM_STATUS_H

#include <stddef.h>

#include "bsm/attributes.h"

BSM_BEGIN_DECLS

typedef enum bsm_status {
    BSM_OK = 0,
    BSM_INVALID_ARGUMENT, /**< a value is out of its documented range */
    BSM_NO_MEMORY,
    BSM_NOT_FOUND,     /**< there is no such file, tensor or name */
    BSM_NO_PERMISSION, /**< the system denied reading or writing */
    BSM_NO_SPACE,      /**< the disk or the quota is full */
    BSM_EXISTS,        /**< the output exists already and was kept */
    BSM_IO,            /**< any other failure to read or to write */
    BSM_BAD_MODEL,     /**< the model file is truncated, corrupt, malicious or not suitable */
    BSM_BAD_AUDIO,     /**< the audio file is damaged, empty or of an unknown format */
    BSM_UNSUPPORTED,   /**< the request is valid, but this build or device cannot do it */
    BSM_NO_DEVICE,     /**< the requested device is not available */
    BSM_DEVICE_FAILED, /**< the device stopped working */
    BSM_CANCELLED,     /**< the caller asked to stop */
} bsm_status;

/** A status, and a line without a newline that says what is wrong and with which file, tensor or
 *  argument. */
typedef struct bsm_error {
    bsm_status status;
    char message[512];
} bsm_error;

/** Return the version of the library, such as "0.2.0". Any thread. */
BSM_API BSM_REALTIME const char *bsm_version(void);

/** Return a short English phrase for a status; never NULL. Any thread. */
BSM_API BSM_REALTIME const char *bsm_strerror(bsm_status status);

/** Format one line for a terminal, like snprintf. Control characters, which may come from a file
 *  name or a corrupt file, become '?'. If the text is too long, its start and its end are kept,
 *  with "..." in between. `size` is at least 8. Not for the audio thread. */
BSM_API void bsm_format_line(char *line, size_t size, const char *format, ...) BSM_PRINTF(3, 4);

/** Fill `error` (which may be NULL) and return `status`, so that a function can end in
 *  `return bsm_fail(error, BSM_IO, "%s: ...", path);`. The text is formatted by the rules of
 *  bsm_format_line; arguments must not point into `error`. Not for the audio thread. */
BSM_API bsm_status bsm_fail(bsm_error *error, bsm_status status, const char *format, ...)
    BSM_PRINTF(3, 4);

/** Like bsm_fail, with the status of `errno_value` and the text "PATH: WHAT: REASON". */
BSM_API bsm_status bsm_fail_errno(bsm_error *error, int errno_value, const char *path,
                                  const char *what);

BSM_END_DECLS

#endif
