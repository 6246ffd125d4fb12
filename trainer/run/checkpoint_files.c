/* SPDX-License-Identifier: ISC */
/* Manages the checkpoints in a folder. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/checkpoint.h"

char *bsm_checkpoint_path(const char *folder, uint64_t step)
{
    char *path;
    return asprintf(&path, "%s/checkpoint-%09" PRIu64 ".safetensors", folder, step) < 0 ? NULL
                                                                                        : path;
}

static bool parse_name(const char *name, uint64_t *step)
{
    int end = 0;
    return sscanf(name, "checkpoint-%" SCNu64 ".safetensors%n", step, &end) == 1 && end > 0 &&
           !name[end];
}

static int is_checkpoint(const struct dirent *entry)
{
    uint64_t step;
    return parse_name(entry->d_name, &step);
}

static int compare_steps(const struct dirent **a, const struct dirent **b)
{
    uint64_t x = 0, y = 0;
    parse_name((*a)->d_name, &x);
    parse_name((*b)->d_name, &y);
    return (x > y) - (x < y);
}

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
}

bsm_status bsm_checkpoint_latest(const char *folder, char **path, uint64_t *step, bsm_error *error)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, is_checkpoint, compare_steps);
    *path = NULL;
    if (count <= 0) {
        free(entries);
        return BSM_OK;
    }
    parse_name(entries[count - 1]->d_name, step);
    const int length = asprintf(path, "%s/%s", folder, entries[count - 1]->d_name);
    free_entries(entries, count);
    if (length < 0) {
        *path = NULL;
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    return BSM_OK;
}

static void remove_file(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) >= 0) {
        unlink(path);
        free(path);
    }
}

/* Such names are those of incomplete files in files.c. No other program uses this folder. */
static int is_part(const struct dirent *entry)
{
    long process;
    int attempt, end = 0;
    return sscanf(entry->d_name, "bsm-%ld-%d.part%n", &process, &attempt, &end) == 2 && end > 0 &&
           !entry->d_name[end];
}

void bsm_checkpoint_clean(const char *folder)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, is_part, NULL);
    for (int i = 0; i < count; i++) {
        remove_file(folder, entries[i]->d_name);
    }
    free_entries(entries, count);
}

void bsm_checkpoint_prune(const char *folder, size_t keep)
{
    struct dirent **entries = NULL;
    const int count = keep > 0 ? scandir(folder, &entries, is_checkpoint, compare_steps) : 0;
    for (int i = 0; i + (int)keep < count; i++) {
        remove_file(folder, entries[i]->d_name);
    }
    free_entries(entries, count);
}
