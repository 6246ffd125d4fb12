/* SPDX-License-Identifier: ISC */
/** A whole file mapped for reading. */
#ifndef BSM_MODEL_MAPPED_FILE_H
#define BSM_MODEL_MAPPED_FILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "bsm/status.h"

typedef struct bsm_mapped_file {
    void *data;
    size_t size;
} bsm_mapped_file;

/** Map the file that `fd` and `info` are of; `fd` may be closed afterwards. */
bsm_status bsm_mapped_file_map(const char *path, int fd, const struct stat *info,
                               bsm_mapped_file *file, bsm_error *error);

/** Take the file's pages out of this process's memory: they are read again when they are used. */
void bsm_mapped_file_forget(const bsm_mapped_file *file);

void bsm_mapped_file_unmap(bsm_mapped_file *file);

#endif
