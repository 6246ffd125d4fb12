/* SPDX-License-Identifier: ISC */
/* Lists the audio files of a folder. */
#include "separate_jobs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bsm/separate.h"

/* Return true for names like "NAME.PART.EXT". */
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

static bsm_status push(char ***names, size_t *count, char *name, const char *folder,
                       bsm_error *error)
{
    char **more = name ? realloc(*names, (*count + 1) * sizeof *more) : NULL;
    if (!more) {
        free(name);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    *names = more;
    more[(*count)++] = name;
    return BSM_OK;
}

static char *join(const char *folder, const char *name, const char *end)
{
    char *path;
    const size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] != '/' ? "/" : "";
    return asprintf(&path, "%s%s%s%s", folder, slash, name, end) < 0 ? NULL : path;
}

static bsm_status add(audio_folder *list, const char *folder, const char *name,
                      const bsm_config *config, bsm_error *error)
{
    struct stat status;
    char *path = join(folder, name, "");
    if (!path) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    const bool inner = stat(path, &status) == 0 && S_ISDIR(status.st_mode); /* "album.wav/" */
    if (!inner && bsm_is_audio_name(name) && audio_folder_is_output(name, config)) {
        list->num_outputs++;
    } else if (!inner && bsm_is_audio_name(name)) {
        return push(&list->paths, &list->count, path, folder, error);
    } else {
        free(path);
        return push(&list->others, &list->num_others, join("", name, inner ? "/" : ""), folder,
                    error);
    }
    free(path);
    return BSM_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(char **names, size_t count)
{
    if (count) {
        qsort(names, count, sizeof *names, compare);
    }
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
        if (entry->d_name[0] != '.') {
            status = add(list, folder, entry->d_name, config, error);
        }
    }
    closedir(dir);
    sort(list->paths, list->count);
    sort(list->others, list->num_others);
    if (!status && list->count == 0) {
        char text[300];
        const bool any = audio_folder_left_out(list, text, sizeof text);
        status = bsm_fail(error, BSM_BAD_AUDIO, "%s: holds no audio files%s%s", folder,
                          any ? "; left out: " : "", any ? text : "");
    }
    if (status) {
        audio_folder_clear(list);
    }
    return status;
}

bool audio_folder_left_out(const audio_folder *list, char *text, size_t size)
{
    enum { NAMES = 4 };
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->num_others && i < NAMES && used < size; i++) {
        used +=
            (size_t)snprintf(text + used, size - used, "%s%.40s", i ? ", " : "", list->others[i]);
    }
    if (list->num_others > NAMES && used < size) {
        used += (size_t)snprintf(text + used, size - used, " and %zu more that are no audio files",
                                 list->num_others - NAMES);
    }
    if (list->num_outputs && used < size) {
        snprintf(text + used, size - used, "%s%zu outputs of an earlier run",
                 list->num_others ? ", and " : "", list->num_outputs);
    }
    return list->num_others || list->num_outputs;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

void audio_folder_clear(audio_folder *list)
{
    free_names(list->paths, list->count);
    free_names(list->others, list->num_others);
    *list = (audio_folder){0};
}
