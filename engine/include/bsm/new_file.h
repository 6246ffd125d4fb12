/* SPDX-License-Identifier: ISC */
/** Files that appear under their name complete or not at all: they are written under a temporary
 *  name beside it, flushed and renamed. Any thread but the audio thread. */
#ifndef BSM_NEW_FILE_H
#define BSM_NEW_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

/** A file that is written under a temporary name beside its final one. */
typedef struct bsm_new_file {
    const char *path; /**< the final name, owned by the caller */
    char *part;       /**< the temporary name */
    int fd;
} bsm_new_file;

/** Begin a file. BSM_EXISTS if `path` exists and `force` is false; BSM_NO_PERMISSION, BSM_NO_SPACE,
 *  BSM_IO, BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_new_file_begin(const char *path, bool force,
                                                    bsm_new_file *file, bsm_error *error);

/** Append bytes. */
BSM_API BSM_NODISCARD bsm_status bsm_new_file_write(bsm_new_file *file, const void *data,
                                                    size_t size, bsm_error *error);

/** Flush the file to the disk and give it its final name. The file is closed in any case; after a
 *  failure nothing is left on the disk. */
BSM_API BSM_NODISCARD bsm_status bsm_new_file_commit(bsm_new_file *file, bool force,
                                                     bsm_error *error);

/** Close and delete what was written. */
BSM_API void bsm_new_file_abandon(bsm_new_file *file);

BSM_END_DECLS

#endif
