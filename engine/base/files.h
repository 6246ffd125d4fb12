/* SPDX-License-Identifier: ISC */
/** Opening regular files, and writing files that appear whole or not at all. */
#ifndef BSM_BASE_FILES_H
#define BSM_BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "bsm/status.h"

/* ---- Opening a regular file for reading ---- */

/** Open a regular file of at least one byte, without waiting for a pipe's writer. The status is
 *  `unfit` for a folder, a device, an empty file and the like. */
bsm_status bsm_open_regular(const char *path, bsm_status unfit, int *fd, struct stat *info,
                            bsm_error *error);

/** What a file is whose first bytes, as a string, are `start`, where it is none of ours but what
 * people have in place of one, and what to do; or NULL. */
const char *bsm_mistaken_file(const char *start);

/* ---- Writing a file so that it appears under its name whole or not at all ---- */

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
