/* SPDX-License-Identifier: ISC */
/* Lists a folder. */
#include "data/tracks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bsm_status out_of_memory(const char *path, bsm_error *error)
{
    return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
}

static bsm_status add(bsm_folder *folder, size_t *capacity, DIR *dir, const char *path,
                      const char *name, bsm_error *error)
{
    if (folder->count == *capacity) {
        const size_t more = *capacity ? 2 * *capacity : 16;
        bsm_folder_entry *entries = realloc(folder->entries, more * sizeof *entries);
        if (!entries) {
            return out_of_memory(path, error);
        }
        folder->entries = entries;
        *capacity = more;
    }
    bsm_folder_entry *entry = &folder->entries[folder->count];
    *entry = (bsm_folder_entry){.name = strdup(name)};
    if (!entry->name) {
        return out_of_memory(path, error);
    }
    folder->count++;
    /* A link that leads nowhere counts as a file, so that opening it reports its name. */
    entry->folder = fstatat(dirfd(dir), name, &entry->own, 0) == 0 && S_ISDIR(entry->own.st_mode);
    return BSM_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const bsm_folder_entry *)a)->name, ((const bsm_folder_entry *)b)->name);
}

bsm_status bsm_folder_read(const char *path, bsm_folder *folder, bsm_error *error)
{
    *folder = (bsm_folder){0};
    DIR *dir = opendir(path);
    if (!dir) {
        return bsm_fail_errno(error, errno, path, "cannot read");
    }
    bsm_status status = BSM_OK;
    size_t capacity = 0;
    struct dirent *entry;
    while (errno = 0, !status && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            status = add(folder, &capacity, dir, path, entry->d_name, error);
        }
    }
    if (!status && errno) {
        status = bsm_fail_errno(error, errno, path, "cannot read");
    }
    closedir(dir);
    if (status) {
        bsm_folder_clear(folder);
        return status;
    }
    if (folder->count) {
        qsort(folder->entries, folder->count, sizeof *folder->entries, compare);
    }
    return BSM_OK;
}

void bsm_folder_clear(bsm_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        free(folder->entries[i].name);
    }
    free(folder->entries);
    *folder = (bsm_folder){0};
}

bool bsm_folder_has_folder(const bsm_folder *folder, const char *name)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (folder->entries[i].folder && strcmp(folder->entries[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

char *bsm_folder_path(const char *folder, const char *name)
{
    char *path;
    const size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] != '/' ? "/" : "";
    return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
}
