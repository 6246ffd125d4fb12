/* SPDX-License-Identifier: ISC */
/* Prints what `bsm-model list` shows. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "default_model.h"
#include "model_info.h"

/* Print the stems as in "vocals, drums". */
static void print_stems(const bsm_config *config)
{
    for (size_t s = 0; s < config->num_stems; s++) {
        fputs(s ? ", " : "", stdout);
        model_info_print_name(config->stems[s]);
    }
}

static double megabytes(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 ? (double)file.st_size * 1e-6 : 0;
}

static void print_model(const char *path, const char *name, size_t length, bool marked)
{
    const bsm_model_options options = {.any_values = true};
    bsm_model *model = NULL;
    bsm_error error;
    char shown[256];
    snprintf(shown, sizeof shown, "%.*s", (int)length, name);
    fputs(marked ? "* " : "  ", stdout);
    model_info_print_name(shown);
    if (bsm_model_open(path, &options, &model, &error)) {
        printf("  cannot be used: %s\n", error.message);
        return;
    }
    const bsm_config *config = bsm_model_config(model);
    const char *figures = bsm_model_metadata(model, "figures");
    printf("  %.1f million parameters, %.0f MB  ", 1e-6 * (double)bsm_config_parameters(config),
           megabytes(path));
    print_stems(config);
    if (figures) {
        fputs("  ", stdout);
        model_info_print_name(figures);
    }
    puts("");
    bsm_model_free(model);
}

static int is_model(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && model_folders_name_length(entry->d_name) > 0;
}

/* Return the number of models in the folder. */
static size_t print_folder(const char *folder, const char *used)
{
    struct dirent **entries;
    const int count = scandir(folder, &entries, is_model, alphasort);
    if (count > 0) {
        model_info_print_name(folder);
        puts(":");
    }
    for (int i = 0; i < count; i++) {
        char path[MODEL_PATH + 256];
        const char *name = entries[i]->d_name;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        print_model(path, name, model_folders_name_length(name), strcmp(path, used) == 0);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return count > 0 ? (size_t)count : 0;
}

void model_list_print(void)
{
    char used[MODEL_PATH];
    size_t count = 0;
    model_folders *folders = malloc(sizeof *folders);
    if (!folders || default_model_path(NULL, used, NULL)) {
        used[0] = '\0';
    }
    if (folders) {
        model_folders_find(folders);
        for (size_t i = 0; i < folders->count; i++) {
            count += print_folder(folders->paths[i], used);
        }
        if (count == 0) {
            fputs("There are no models in", stdout);
            for (size_t i = 0; i < folders->count; i++) {
                printf("%s %s", i ? "," : "", folders->paths[i]);
            }
            puts("");
        }
    }
    free(folders);
}
