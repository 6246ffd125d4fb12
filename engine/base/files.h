/* SPDX-License-Identifier: ISC */
/** Opens regular files for reading, and writes files that appear complete or not at all. */
#ifndef BSM_BASE_FILES_H
#define BSM_BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "bsm/status.h"

/* ---- Opening a regular file for reading ---- */

/** Open a regular file of at least one byte, without waiting for a pipe's writer. For a folder, a
 *  device, an empty file and the like the status is `unfit`. */
bsm_status bsm_open_regular(const char *path, bsm_status unfit, int *fd, struct stat *info,
                            bsm_error *error);

/** If `start`, the first bytes of a file as a string, shows that the file is something that people
 *  often pass by mistake, return what it is and what to do; otherwise NULL. */
const char *bsm_mistaken_file(const char *start);

/* ---- Writing a file that appears under its name complete or not at all ---- */

/** A file that is written under a temporary name beside its final one. */
typedef struct bsm_new_file {
    const char *path; /**< the final name, owned by the caller */
    char *part;       /**< the temporary name */
    int fd;
} bsm_new_file;

/** Begin a file. BSM_EXISTS if `path` exists and `force` is false. */
bsm_status bsm_new_file_begin(const char *path, bool force, bsm_new_file *file, bsm_error *error);

/** Append bytes. */
bsm_status bsm_new_file_write(bsm_new_file *file, const void *data, size_t size, bsm_error *error);

/** Flush the file to the disk and give it its final name. The file is closed in any case; after a
 *  failure nothing is left on the disk. */
bsm_status bsm_new_file_commit(bsm_new_file *file, bool force, bsm_error *error);

/** Close and delete what was written. */
void bsm_new_file_abandon(bsm_new_file *file);

#endif
