/* SPDX-License-Identifier: ISC */
/** Writing a file so that it appears under its name whole or not at all. */
#ifndef BSM_NEW_FILE_H
#define BSM_NEW_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

/** A file being written beside its final name. */
typedef struct bsm_new_file {
    const char *path; /**< the final name, the caller's */
    char *part;       /**< the name while it is written */
    int fd;
} bsm_new_file;

/** Begin. BSM_EXISTS if `path` is there and `force` is false. */
bsm_status bsm_new_file_begin(const char *path, bool force, bsm_new_file *file, bsm_error *error);

/** Write at the end. */
bsm_status bsm_new_file_write(bsm_new_file *file, const void *data, size_t size, bsm_error *error);

/** Give the file its final name once its bytes are on the disk. On failure, too, `file` is done
 *  with and nothing is left beside. */
bsm_status bsm_new_file_commit(bsm_new_file *file, bool force, bsm_error *error);

/** Take back what was written. */
void bsm_new_file_abandon(bsm_new_file *file);

#endif
