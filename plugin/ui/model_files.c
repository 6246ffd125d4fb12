/* SPDX-License-Identifier: ISC */
/* Lists model files to choose from. */
#include "face.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bsm/model.h"

enum { MAX_ROWS = 1000, MAX_RECENT = 6 };

const char *bsm_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- Facts ---- */

static bool is_safetensors(const char *path)
{
    const char *end = strrchr(path, '.');
    return end && strcmp(end, ".safetensors") == 0;
}

/* The file is mapped, and its weights are not read, so this is quick. */
static void read_model(const char *path, size_t used, bsm_model_facts *facts)
{
    const bsm_model_options options = {.any_values = true};
    bsm_model *model = NULL;
    bsm_error error;
    if (bsm_model_open(path, &options, &model, &error)) {
        snprintf(facts->figures, sizeof facts->figures, "Cannot be used: %.480s", error.message);
        return;
    }
    const bsm_config *config = bsm_model_config(model);
    const char *figures = bsm_model_metadata(model, "figures");
    facts->parameters = (double)bsm_config_parameters(config);
    for (size_t s = 0; s < config->num_stems && used < sizeof facts->facts; s++) {
        used += (size_t)snprintf(facts->facts + used, sizeof facts->facts - used, "%s %s",
                                 s ? "," : ", separates", config->stems[s]);
    }
    if (used < sizeof facts->facts) {
        snprintf(facts->facts + used, sizeof facts->facts - used, ", %.1f M weights",
                 1e-6 * facts->parameters);
    }
    snprintf(facts->figures, sizeof facts->figures, "%s",
             figures ? figures : "Its file does not say how well it separates.");
    bsm_model_free(model);
}

bsm_model_facts bsm_model_facts_of(const char *path)
{
    bsm_model_facts facts = {0};
    struct stat file;
    if (stat(path, &file) != 0) {
        return facts;
    }
    const int used = snprintf(facts.facts, sizeof facts.facts, "%.*f MB",
                              file.st_size < 1000000 ? 1 : 0, (double)file.st_size * 1e-6);
    if (is_safetensors(path)) {
        read_model(path, (size_t)used, &facts);
    } else {
        snprintf(facts.figures, sizeof facts.figures,
                 "A PyTorch checkpoint: what it has is seen when "
                 "it is loaded.");
    }
    return facts;
}

/* ---- Rows ---- */

void bsm_model_rows_free(bsm_model_rows *rows)
{
    for (size_t r = 0; r < rows->count; r++) {
        free(rows->rows[r].path);
        free(rows->rows[r].name);
    }
    free(rows->rows);
    *rows = (bsm_model_rows){0};
}

static bsm_row *add(bsm_model_rows *rows, bsm_row_kind kind, const char *path, const char *name)
{
    if (rows->count == rows->room) {
        const size_t room = rows->room ? 2 * rows->room : 32;
        bsm_row *grown = room <= 2 * MAX_ROWS ? realloc(rows->rows, room * sizeof *grown) : NULL;
        if (!grown) {
            return NULL;
        }
        rows->rows = grown;
        rows->room = room;
    }
    bsm_row row = {.kind = kind, .path = strdup(path), .name = strdup(name)};
    if (!row.path || !row.name) {
        free(row.path);
        free(row.name);
        return NULL;
    }
    rows->rows[rows->count] = row;
    return &rows->rows[rows->count++];
}

static void add_model(bsm_model_rows *rows, const char *path)
{
    char name[256];
    const char *file = bsm_file_name(path);
    const size_t length = model_folders_name_length(file);
    snprintf(name, sizeof name, "%.*s", (int)(length ? length : strlen(file)), file);
    bsm_row *row = add(rows, BSM_ROW_MODEL, path, name);
    if (row) {
        const bsm_model_facts facts = bsm_model_facts_of(path);
        memcpy(row->facts, facts.facts, sizeof row->facts);
        memcpy(row->figures, facts.figures, sizeof row->figures);
    }
}

static int is_model(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && model_folders_name_length(entry->d_name) > 0;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Call `take` for each entry of a folder that passes the filter, in the order of their names. */
static void for_each(const char *folder, int (*filter)(const struct dirent *), bsm_model_rows *rows,
                     void (*take)(bsm_model_rows *rows, const char *path))
{
    struct dirent **entries;
    const int count = scandir(folder, &entries, filter, alphasort);
    for (int e = 0; e < count; e++) {
        char path[MODEL_PATH + 256];
        snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") ? folder : "", entries[e]->d_name);
        take(rows, path);
        free(entries[e]);
    }
    if (count >= 0) {
        free(entries);
    }
}

static void add_folder(bsm_model_rows *rows, const char *path)
{
    struct stat file;
    if (stat(path, &file) == 0 && S_ISDIR(file.st_mode)) {
        add(rows, BSM_ROW_FOLDER, path, bsm_file_name(path));
    }
}

void bsm_model_rows_list_folder(bsm_model_rows *rows, const char *folder)
{
    char above[MODEL_PATH];
    bsm_model_rows_free(rows);
    add(rows, BSM_ROW_HEADING, folder, folder);
    if (strcmp(folder, "/") != 0) {
        snprintf(above, sizeof above, "%.*s", (int)(bsm_file_name(folder) - folder - 1), folder);
        add(rows, BSM_ROW_FOLDER, *above ? above : "/", "The folder above");
    }
    for_each(folder, is_shown, rows, add_folder);
    for_each(folder, is_model, rows, add_model);
}

/* ---- Used lately ---- */

/* Get the path of the file that lists the models used lately, one path per line, the latest first.
 * With `make`, make its folder, too. */
static bool recent_path(char *path, size_t size, bool make)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char folder[MODEL_PATH];
    int length = state && *state ? snprintf(folder, sizeof folder, "%s", state)
                 : home          ? snprintf(folder, sizeof folder, "%s/.local/state", home)
                                 : -1;
    if (length < 0 || (size_t)length + sizeof "/bsm/models.new" > sizeof folder) {
        return false;
    }
    if (make) { /* errors appear when the file is written */
        for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            (void)!mkdir(folder, 0777);
            *slash = '/';
        }
        (void)!mkdir(folder, 0777);
    }
    length += snprintf(folder + length, sizeof folder - (size_t)length, "/bsm");
    if (make) {
        (void)!mkdir(folder, 0777);
    }
    return snprintf(path, size, "%s/models", folder) < (int)size;
}

typedef struct recent {
    size_t count;
    char paths[MAX_RECENT][MODEL_PATH];
} recent;

static void add_recent(recent *list, const char *path)
{
    for (size_t r = 0; r < list->count; r++) {
        if (strcmp(list->paths[r], path) == 0) {
            return;
        }
    }
    if (list->count < MAX_RECENT && *path && strlen(path) < MODEL_PATH) {
        strcpy(list->paths[list->count++], path);
    }
}

static void read_recent(recent *list)
{
    char path[MODEL_PATH + 16], line[MODEL_PATH + 2];
    FILE *file = recent_path(path, sizeof path, false) ? fopen(path, "re") : NULL;
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        add_recent(list, line);
    }
    if (file) {
        fclose(file);
    }
}

/* Write the list to a new file, which then replaces the old one. */
static void write_recent(const recent *list)
{
    char path[MODEL_PATH + 16], beside[MODEL_PATH + 64];
    if (!recent_path(path, sizeof path, true)) {
        return;
    }
    snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(beside, "we");
    if (!file) {
        return; /* the list is a mere convenience, so this is no error */
    }
    for (size_t r = 0; r < list->count; r++) {
        fprintf(file, "%s\n", list->paths[r]);
    }
    if (fclose(file) != 0 || rename(beside, path) != 0) {
        unlink(beside);
    }
}

void bsm_remember_model(const char *path)
{
    recent *list = strchr(path, '\n') ? NULL : calloc(1, sizeof *list);
    if (list) {
        add_recent(list, path);
        read_recent(list);
        write_recent(list);
    }
    free(list);
}

/* ---- The list of models ---- */

static void list_recent(bsm_model_rows *rows)
{
    recent *list = calloc(1, sizeof *list);
    bool headed = false;
    if (list) {
        read_recent(list);
    }
    for (size_t r = 0; list && r < list->count; r++) {
        if (access(list->paths[r], F_OK) == 0) {
            if (!headed) {
                add(rows, BSM_ROW_HEADING, "", "Used lately");
            }
            headed = true;
            add_model(rows, list->paths[r]);
        }
    }
    free(list);
}

static void list_folders(bsm_model_rows *rows)
{
    model_folders *folders = malloc(sizeof *folders);
    if (!folders) {
        return;
    }
    model_folders_find(folders);
    for (size_t f = 0; f < folders->count; f++) {
        const size_t heading = rows->count;
        add(rows, BSM_ROW_HEADING, "", folders->paths[f]);
        for_each(folders->paths[f], is_model, rows, add_model);
        if (rows->count == heading + 1) { /* the folder contains no models */
            rows->count--;
            free(rows->rows[heading].path);
            free(rows->rows[heading].name);
        }
    }
    free(folders);
}

void bsm_model_rows_list_models(bsm_model_rows *rows)
{
    const char *home = getenv("HOME");
    bsm_model_rows_free(rows);
    bsm_row *row = add(rows, BSM_ROW_MODEL, "", "The default");
    if (row) {
        snprintf(row->figures, sizeof row->figures,
                 "What $BSM_MODEL names, or else the model that came with the plugin.");
    }
    add(rows, BSM_ROW_FOLDER, home && *home ? home : "/", "Other file...");
    list_recent(rows);
    list_folders(rows);
}
