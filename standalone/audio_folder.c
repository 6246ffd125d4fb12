/* SPDX-License-Identifier: ISC */
/* The audio files of a folder. */
#include "audio_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bsm/separate.h"

/* "NAME.PART.EXT" */
static bool has_part(const char *name, const char *part)
{
    const char *dot = strrchr(name, '.');
    const size_t length = strlen(part);
    return dot && (size_t)(dot - name) > length + 1 && dot[-(ptrdiff_t)length - 1] == '.' &&
           strncmp(dot - length, part, length) == 0;
}

bool audio_folder_is_output(const char *name, const bsm_config *config)
{
    static const char *const parts[] = {"vocals", "instrumental", "instrumental-stem"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (has_part(name, parts[i])) {
            return true;
        }
    }
    for (size_t s = 0; s < config->num_stems; s++) {
        if (has_part(name, config->stems[s])) {
            return true;
        }
    }
    return false;
}

static bsm_status add(audio_folder *list, const char *folder, const char *name, bsm_error *error)
{
    char *path;
    struct stat status;
    const size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] == '/' ? "" : "/";
    if (asprintf(&path, "%s%s%s", folder, slash, name) < 0) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) { /* "album.wav/" */
        free(path);
        return BSM_OK;
    }
    char **paths = realloc(list->paths, (list->count + 1) * sizeof *paths);
    if (!paths) {
        free(path);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    list->paths = paths;
    list->paths[list->count++] = path;
    return BSM_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bsm_status audio_folder_list(const char *folder, const bsm_config *config, audio_folder *list,
                             bsm_error *error)
{
    *list = (audio_folder){0};
    DIR *dir = opendir(folder);
    if (!dir) {
        return bsm_fail_errno(error, errno, folder, "cannot read");
    }
    bsm_status status = BSM_OK;
    for (struct dirent *entry; !status && (entry = readdir(dir));) {
        if (bsm_is_audio_name(entry->d_name) && !audio_folder_is_output(entry->d_name, config)) {
            status = add(list, folder, entry->d_name, error);
        }
    }
    closedir(dir);
    if (!status && list->count == 0) {
        status = bsm_fail(error, BSM_BAD_AUDIO, "%s: holds no audio files", folder);
    }
    if (status) {
        audio_folder_clear(list);
        return status;
    }
    qsort(list->paths, list->count, sizeof *list->paths, compare);
    return BSM_OK;
}

void audio_folder_clear(audio_folder *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
    *list = (audio_folder){0};
}
