/* SPDX-License-Identifier: ISC */
/** What a folder holds, in an order that does not depend on the file system. */
#ifndef BSM_TRAINER_FOLDER_H
#define BSM_TRAINER_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "bsm/status.h"

typedef struct bsm_folder_entry {
    char *name;
    bool folder;     /**< or a link to one */
    struct stat own; /**< of what a link leads to; only of folders */
} bsm_folder_entry;

typedef struct bsm_folder {
    size_t count;
    bsm_folder_entry *entries; /**< sorted bytewise, without hidden ones */
} bsm_folder;

/** List a folder. BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_NO_MEMORY, BSM_IO. */
BSM_NODISCARD bsm_status bsm_folder_read(const char *path, bsm_folder *folder, bsm_error *error);
void bsm_folder_clear(bsm_folder *folder);

/** True if it holds a folder of that name or a link to one. */
bool bsm_folder_has_folder(const bsm_folder *folder, const char *name);

/** "FOLDER/NAME", or NAME where FOLDER is "", to be freed; NULL when out of memory. */
char *bsm_folder_path(const char *folder, const char *name);

#endif
