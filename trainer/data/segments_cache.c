/* SPDX-License-Identifier: ISC */
/* Keeps the activity lists of a data folder in a text file. */
#include "data/activity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/new_file.h"
#include "data/random.h"

/** What is known of one audio file. */
typedef struct entry {
    char *path; /* below the root */
    uint64_t size;
    int64_t seconds, nanoseconds; /* time of its last change */
    bool used;                    /* it was found, so it is up to date */
    bsm_activity activity;
} entry;

struct bsm_segments_cache {
    char *root, *path;
    bsm_sad_options options;
    char header[160];
    entry *old, *added;
    size_t num_old, num_added, capacity_old, capacity_added;
};

static bool push(entry **entries, size_t *count, size_t *capacity, entry item)
{
    if (*count == *capacity) {
        const size_t more = *capacity ? 2 * *capacity : 64;
        entry *grown = realloc(*entries, more * sizeof *grown);
        if (!grown) {
            return false;
        }
        *entries = grown;
        *capacity = more;
    }
    (*entries)[(*count)++] = item;
    return true;
}

static void free_entries(entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(entries[i].path);
        free(entries[i].activity.starts);
    }
    free(entries);
}

/* ---- Reading ---- */

/* Read a whole number and the space after it at *text, and move *text past both. */
static bool take_number(char **text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(*text, &end, 10);
    if (errno || end == *text || *end != ' ') {
        return false;
    }
    *text = end + 1;
    return true;
}

static bool take_starts(char **text, const bsm_sad_options *options, bsm_activity *activity)
{
    const uint64_t chunks = activity->frames / activity->chunk;
    if (activity->num_starts > chunks || activity->length > options->chunks) {
        return false;
    }
    activity->starts = malloc((activity->num_starts + 1) * sizeof *activity->starts);
    for (size_t i = 0; activity->starts && i < activity->num_starts; i++) {
        int64_t start;
        if (!take_number(text, &start) || start < 0 ||
            (uint64_t)start + activity->length > chunks) {
            return false;
        }
        activity->starts[i] = (uint32_t)start;
    }
    return activity->starts;
}

/* After a failure `read` must be freed, too. */
static bool parse_entry(char *line, const bsm_sad_options *options, entry *read)
{
    enum { SIZE, SECONDS, NANOSECONDS, RATE, CHANNELS, FRAMES, LENGTH, STARTS, FIELDS };
    int64_t value[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        const int64_t least = i == SECONDS ? INT64_MIN : i == RATE || i == CHANNELS;
        if (!take_number(&line, &value[i]) || value[i] < least) {
            return false;
        }
    }
    read->size = (uint64_t)value[SIZE];
    read->seconds = value[SECONDS];
    read->nanoseconds = value[NANOSECONDS];
    read->activity.rate = (size_t)value[RATE];
    read->activity.channels = (size_t)value[CHANNELS];
    read->activity.frames = (uint64_t)value[FRAMES];
    read->activity.length = (size_t)value[LENGTH];
    read->activity.num_starts = (size_t)value[STARTS];
    read->activity.chunk = bsm_activity_chunk(options, read->activity.rate);
    if (!take_starts(&line, options, &read->activity) || *line == '\0') {
        return false;
    }
    read->path = strdup(line);
    return read->path;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->path, ((const entry *)b)->path);
}

/* A malformed line ends the reading; the lines before it are good. */
static void read_entries(bsm_segments_cache *cache)
{
    FILE *file = fopen(cache->path, "re");
    if (!file) {
        return;
    }
    char *line = NULL;
    size_t room = 0;
    bool good = false;
    for (ssize_t length; (length = getline(&line, &room, file)) > 0 && line[length - 1] == '\n';) {
        line[length - 1] = '\0';
        if (!good) {
            good = strcmp(line, cache->header) == 0;
            if (!good) {
                break;
            }
            continue;
        }
        entry read = {0};
        if (!parse_entry(line, &cache->options, &read) ||
            !push(&cache->old, &cache->num_old, &cache->capacity_old, read)) {
            free(read.path);
            free(read.activity.starts);
            break;
        }
    }
    free(line);
    fclose(file);
    if (cache->num_old) {
        qsort(cache->old, cache->num_old, sizeof *cache->old, compare);
    }
}

static bool name_file(bsm_segments_cache *cache, const char *folder)
{
    if (!folder) {
        return asprintf(&cache->path, "%s/.bsm-segments.txt", cache->root) >= 0;
    }
    char *real = realpath(cache->root, NULL);
    uint64_t hash = 0;
    for (const char *c = real ? real : cache->root; *c; c++) {
        hash = bsm_random_hash(hash + (unsigned char)*c + 1);
    }
    free(real);
    (void)mkdir(folder, 0777); /* if this fails, writing reports why */
    return asprintf(&cache->path, "%s/bsm-segments-%016llx.txt", folder,
                    (unsigned long long)hash) >= 0;
}

bsm_status bsm_segments_cache_open(const char *root, const char *folder,
                                   const bsm_sad_options *options, bsm_segments_cache **cache,
                                   bsm_error *error)
{
    bsm_segments_cache *made = calloc(1, sizeof *made);
    *cache = NULL;
    if (made && (made->root = strdup(root)) && !name_file(made, folder)) {
        made->path = NULL;
    }
    if (!made || !made->path) {
        bsm_segments_cache_free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", root);
    }
    made->options = *options;
    snprintf(made->header, sizeof made->header,
             "bsm segments 2: window %.9g chunks %zu quantile %.9g floor %.9g active %.9g",
             options->window, options->chunks, options->quantile, options->floor, options->active);
    read_entries(made);
    *cache = made;
    return BSM_OK;
}

void bsm_segments_cache_free(bsm_segments_cache *cache)
{
    if (cache) {
        free_entries(cache->old, cache->num_old);
        free_entries(cache->added, cache->num_added);
        free(cache->root);
        free(cache->path);
        free(cache);
    }
}

/* ---- Looking up ---- */

static const char *below_root(const bsm_segments_cache *cache, const char *path)
{
    const size_t length = strlen(cache->root);
    if (strncmp(path, cache->root, length) == 0) {
        path += length;
        path += strspn(path, "/");
    }
    return path;
}

static bool copy_activity(bsm_activity *to, const bsm_activity *from)
{
    *to = *from;
    to->starts = malloc((from->num_starts + 1) * sizeof *to->starts);
    if (to->starts && from->num_starts) {
        memcpy(to->starts, from->starts, from->num_starts * sizeof *to->starts);
    }
    return to->starts;
}

static bool is_unchanged(const entry *known, const struct stat *file)
{
    return known->size == (uint64_t)file->st_size && known->seconds == file->st_mtim.tv_sec &&
           known->nanoseconds == file->st_mtim.tv_nsec;
}

bool bsm_segments_cache_find(bsm_segments_cache *cache, const char *path, const struct stat *file,
                             bsm_activity *activity)
{
    char *below = strdup(below_root(cache, path));
    const entry wanted = {.path = below};
    entry *known = below && cache->num_old
                       ? bsearch(&wanted, cache->old, cache->num_old, sizeof wanted, compare)
                       : NULL;
    free(below);
    if (!known || !is_unchanged(known, file) || !copy_activity(activity, &known->activity)) {
        return false;
    }
    known->used = true;
    return true;
}

bsm_status bsm_segments_cache_add(bsm_segments_cache *cache, const char *path,
                                  const struct stat *file, const bsm_activity *activity,
                                  bsm_error *error)
{
    entry item = {.path = strdup(below_root(cache, path)),
                  .size = (uint64_t)file->st_size,
                  .seconds = file->st_mtim.tv_sec,
                  .nanoseconds = file->st_mtim.tv_nsec};
    if (!item.path || !copy_activity(&item.activity, activity) ||
        !push(&cache->added, &cache->num_added, &cache->capacity_added, item)) {
        free(item.path);
        free(item.activity.starts);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    return BSM_OK;
}

/* ---- Writing ---- */

static bool is_still_there(const bsm_segments_cache *cache, const entry *known)
{
    char *path;
    if (asprintf(&path, "%s/%s", cache->root, known->path) < 0) {
        return false;
    }
    struct stat file;
    const bool there = stat(path, &file) == 0 && is_unchanged(known, &file);
    free(path);
    return there;
}

static void print_entry(FILE *text, const entry *item)
{
    const bsm_activity *a = &item->activity;
    if (strchr(item->path, '\n')) {
        return; /* such a name cannot stand in a line, so the file is read each time */
    }
    fprintf(text, "%llu %lld %lld %zu %zu %llu %zu %zu ", (unsigned long long)item->size,
            (long long)item->seconds, (long long)item->nanoseconds, a->rate, a->channels,
            (unsigned long long)a->frames, a->length, a->num_starts);
    for (size_t i = 0; i < a->num_starts; i++) {
        fprintf(text, "%u ", (unsigned)a->starts[i]);
    }
    fprintf(text, "%s\n", item->path);
}

static bool print(const bsm_segments_cache *cache, char **data, size_t *size)
{
    FILE *text = open_memstream(data, size);
    if (!text) {
        return false;
    }
    fprintf(text, "%s\n", cache->header);
    for (size_t i = 0; i < cache->num_added; i++) {
        print_entry(text, &cache->added[i]);
    }
    for (size_t i = 0; i < cache->num_old; i++) {
        const entry *known = &cache->old[i];
        if ((known->used || is_still_there(cache, known)) &&
            !bsearch(known, cache->added, cache->num_added, sizeof *known, compare)) {
            print_entry(text, known);
        }
    }
    const bool complete = !ferror(text);
    return fclose(text) == 0 && complete;
}

bsm_status bsm_segments_cache_save(bsm_segments_cache *cache, bsm_error *error)
{
    if (cache->num_added == 0) {
        return BSM_OK;
    }
    qsort(cache->added, cache->num_added, sizeof *cache->added, compare);
    char *data = NULL;
    size_t size = 0;
    bsm_new_file file;
    bsm_status status;
    if (!print(cache, &data, &size)) {
        status = bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", cache->path);
    } else {
        status = bsm_new_file_begin(cache->path, true, &file, error);
        if (!status) {
            status = bsm_new_file_write(&file, data, size, error);
            if (status) {
                bsm_new_file_abandon(&file);
            } else {
                status = bsm_new_file_commit(&file, true, error);
            }
        }
    }
    free(data);
    return status;
}
