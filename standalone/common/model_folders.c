/* SPDX-License-Identifier: ISC */
/* Finds models by their names. */
#include "default_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const extensions[] = {".safetensors", ".ckpt", ".pt", ".pth"};
enum { NUM_EXTENSIONS = sizeof extensions / sizeof *extensions };

static void add(model_folders *folders, const char *start, size_t length, const char *end)
{
    char path[MODEL_PATH];
    const int size = snprintf(path, sizeof path, "%.*s%s", (int)length, start, end);
    if (length == 0 || size < 0 || size >= MODEL_PATH || folders->count == MODEL_FOLDERS) {
        return;
    }
    for (size_t i = 0; i < folders->count; i++) {
        if (strcmp(folders->paths[i], path) == 0) {
            return;
        }
    }
    strcpy(folders->paths[folders->count++], path);
}

/* The models of a build that was not installed, relative to its programs. */
static void add_built(model_folders *folders)
{
    static const char built[] = "/presets/models";
    enum { LEVELS = 3 }; /* BUILD/standalone/live/bsm-live */
    char path[MODEL_PATH];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof built);
    path[length > 0 ? length : 0] = '\0';
    for (int level = 0; level < LEVELS; level++) {
        char *slash = strrchr(path, '/');
        if (!slash) {
            return;
        }
        strcpy(slash, built);
        if (access(path, F_OK) == 0) {
            add(folders, path, strlen(path), "");
            return;
        }
        *slash = '\0';
    }
}

static void add_listed(model_folders *folders, const char *list)
{
    while (list && *list) {
        const size_t length = strcspn(list, ":");
        add(folders, list, length, "");
        list += length + (list[length] == ':');
    }
}

void model_folders_find(model_folders *folders)
{
    static const char *const shared[] = {BSM_DATADIR, "/usr/local/share", "/usr/share"};
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    folders->count = 0;
    add_listed(folders, getenv("BSM_MODELS"));
    if (data && *data) {
        add(folders, data, strlen(data), "/bsm/models");
    } else if (home) {
        add(folders, home, strlen(home), "/.local/share/bsm/models");
    }
    add_built(folders);
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        add(folders, shared[i], strlen(shared[i]), "/bsm/models");
    }
}

static bool is_there(char path[MODEL_PATH], const char *folder, const char *name,
                     const char *extension)
{
    const int length = snprintf(path, MODEL_PATH, "%s/%s%s", folder, name, extension);
    return length > 0 && length < MODEL_PATH && access(path, F_OK) == 0;
}

bool model_folders_look_up(const char *name, char path[MODEL_PATH])
{
    model_folders *folders = strchr(name, '/') ? NULL : malloc(sizeof *folders);
    bool found = false;
    if (folders) {
        model_folders_find(folders);
        for (size_t i = 0; i < folders->count && !found; i++) {
            found = model_folders_name_length(name) && is_there(path, folders->paths[i], name, "");
            for (size_t e = 0; e < NUM_EXTENSIONS && !found; e++) {
                found = is_there(path, folders->paths[i], name, extensions[e]);
            }
        }
    }
    free(folders);
    return found;
}

size_t model_folders_name_length(const char *file)
{
    const size_t length = strlen(file);
    for (size_t e = 0; e < NUM_EXTENSIONS; e++) {
        const size_t end = strlen(extensions[e]);
        if (length > end && strcmp(file + length - end, extensions[e]) == 0) {
            return length - end;
        }
    }
    return 0;
}
