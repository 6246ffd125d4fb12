/* SPDX-License-Identifier: ISC */
/* Finds the tracks of a data folder. */
#include "data/tracks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bsm/separate.h"
#include <stddef.h>

/* ---- The usual 14 validation tracks of MUSDB18 ---- */

static const char *const validation_tracks[] = {
    "ANiMAL - Rockshow",
    "Actions - One Minute Smile",
    "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Fergessen - Nos Palpitants",
    "James May - On The Line",
    "Johnny Lokke - Promises & Lies",
    "Leaf - Summerghost",
    "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave",
    "Skelpolu - Human Mistakes",
    "Traffic Experiment - Sirens",
    "Triviul - Angelsaint",
    "Young Griffo - Pennies",
};

static bool is_musdb_validation(const char *track)
{
    for (size_t i = 0; i < sizeof validation_tracks / sizeof validation_tracks[0]; i++) {
        if (strcmp(validation_tracks[i], track) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const subset_names[] = {"train", "valid", "test"};

/* Which of a folder's tracks belong to the subset. */
typedef enum track_choice {
    ALL_TRACKS,
    MUSDB_VALIDATION, /* for a train folder without a valid folder beside it */
    MUSDB_TRAINING,
} track_choice;

typedef struct track_search {
    const char *root;
    bsm_data_layout layout;
    const char *const *sources;
    const char *base; /* where the subset lies below the root: "train", or "" */
    track_choice choice;
    size_t capacity;
    bsm_tracks *tracks;
    bsm_error *error;
} track_search;

static bsm_status out_of_memory(const track_search *search)
{
    return bsm_fail(search->error, BSM_NO_MEMORY, "%s: out of memory", search->root);
}

/* ---- The list ---- */

static void clear_track(bsm_track *track, size_t num_sources)
{
    for (size_t s = 0; track->sources && s < num_sources; s++) {
        free(track->sources[s]);
    }
    free(track->sources);
    free(track->mixture);
    free(track->name);
}

void bsm_tracks_free(bsm_tracks *tracks)
{
    if (tracks) {
        for (size_t t = 0; t < tracks->num_tracks; t++) {
            clear_track(&tracks->tracks[t], tracks->num_sources);
        }
        free(tracks->tracks);
        free(tracks->left_out);
        free(tracks);
    }
}

/* Append a new track without files. */
static bsm_status add_track(track_search *search, const char *name, bsm_track **added)
{
    bsm_tracks *list = search->tracks;
    if (list->num_tracks == search->capacity) {
        const size_t more = search->capacity ? 2 * search->capacity : 64;
        bsm_track *tracks = realloc(list->tracks, more * sizeof *tracks);
        if (!tracks) {
            return out_of_memory(search);
        }
        list->tracks = tracks;
        search->capacity = more;
    }
    bsm_track track = {.name = strdup(name),
                       .sources = calloc(list->num_sources, sizeof *track.sources)};
    if (!track.name || !track.sources) {
        clear_track(&track, 0);
        return out_of_memory(search);
    }
    *added = &list->tracks[list->num_tracks++];
    **added = track;
    return BSM_OK;
}

/* ---- Folders of tracks ---- */

/* Find the file "NAME.EXT" of an audio format, in any case. If there are several, prefer the one
 * with exactly this spelling, and otherwise take the first. */
static const char *find_audio(const bsm_folder *folder, const char *name)
{
    const size_t length = strlen(name);
    const char *found = NULL;
    for (size_t i = 0; i < folder->count; i++) {
        const bsm_folder_entry *entry = &folder->entries[i];
        const char *dot = strrchr(entry->name, '.');
        if (!entry->folder && dot && (size_t)(dot - entry->name) == length &&
            strncasecmp(entry->name, name, length) == 0 && bsm_is_audio_name(entry->name)) {
            if (strncmp(entry->name, name, length) == 0) {
                return entry->name;
            }
            found = found ? found : entry->name;
        }
    }
    return found;
}

/* Leaves `file` NULL if the folder has none. */
static bsm_status take_audio(const track_search *search, const bsm_folder *folder, const char *path,
                             const char *name, char **file)
{
    const char *found = find_audio(folder, name);
    if (found && !(*file = bsm_folder_path(path, found))) {
        return out_of_memory(search);
    }
    return BSM_OK;
}

static bool has_a_source(const track_search *search, const bsm_folder *folder)
{
    for (size_t s = 0; s < search->tracks->num_sources; s++) {
        if (find_audio(folder, search->sources[s])) {
            return true;
        }
    }
    return false;
}

/* Its files may be sources under other names, so report them. */
static bsm_status leave_out(const track_search *search, const bsm_folder *folder, const char *name)
{
    bsm_tracks *list = search->tracks;
    size_t i = 0;
    while (i < folder->count &&
           (folder->entries[i].folder || !bsm_is_audio_name(folder->entries[i].name))) {
        i++;
    }
    if (i < folder->count && list->num_left_out++ == 0 && !(list->left_out = strdup(name))) {
        return out_of_memory(search);
    }
    return BSM_OK;
}

/* Add the track in folder `path`, if it is one. */
static bsm_status take_track(track_search *search, const char *path, const char *name)
{
    bsm_folder folder;
    bsm_track *track = NULL;
    bsm_status status = bsm_folder_read(path, &folder, search->error);
    if (status || !has_a_source(search, &folder)) {
        status = status ? status : leave_out(search, &folder, name);
        bsm_folder_clear(&folder);
        return status;
    }
    status = add_track(search, name, &track);
    for (size_t s = 0; s < search->tracks->num_sources && !status; s++) {
        status = take_audio(search, &folder, path, search->sources[s], &track->sources[s]);
    }
    if (!status) {
        status = take_audio(search, &folder, path, "mixture", &track->mixture);
    }
    bsm_folder_clear(&folder);
    return status;
}

static bool is_chosen(track_choice choice, const char *track)
{
    return choice == ALL_TRACKS || is_musdb_validation(track) == (choice == MUSDB_VALIDATION);
}

static bsm_status take_tracks(track_search *search, const bsm_folder *base)
{
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < base->count && !status; i++) {
        const bsm_folder_entry *entry = &base->entries[i];
        if (entry->folder && is_chosen(search->choice, entry->name)) {
            char *name = bsm_folder_path(search->base, entry->name);
            char *path = name ? bsm_folder_path(search->root, name) : NULL;
            status = path ? take_track(search, path, name) : out_of_memory(search);
            free(name);
            free(path);
        }
    }
    return status;
}

/* ---- Pools ---- */

/* The folders above the current one, to notice a link that leads back to one of them. */
typedef struct pool_folder {
    const struct pool_folder *parent;
    struct stat own;
} pool_folder;

static bool is_inside(const pool_folder *at, const struct stat *own)
{
    for (; at; at = at->parent) {
        if (at->own.st_dev == own->st_dev && at->own.st_ino == own->st_ino) {
            return true;
        }
    }
    return false;
}

static bsm_status take_pool(track_search *search, size_t source, const char *name,
                            const pool_folder *at);

/* Add a file or a folder of a pool; `name` is relative to the root. */
static bsm_status take_pool_entry(track_search *search, size_t source, const char *name,
                                  const bsm_folder_entry *entry, const pool_folder *at)
{
    if (entry->folder) {
        const pool_folder inner = {at, entry->own};
        return is_inside(at, &entry->own) ? BSM_OK : take_pool(search, source, name, &inner);
    }
    if (!bsm_is_audio_name(entry->name)) {
        return BSM_OK;
    }
    bsm_track *track;
    bsm_status status = add_track(search, name, &track);
    if (!status && !(track->sources[source] = bsm_folder_path(search->root, name))) {
        status = out_of_memory(search);
    }
    return status;
}

/* Add all audio files in the folder `name` below the root, and in the folders inside it. */
static bsm_status take_pool(track_search *search, size_t source, const char *name,
                            const pool_folder *at)
{
    char *path = bsm_folder_path(search->root, name);
    if (!path) {
        return out_of_memory(search);
    }
    bsm_folder folder;
    bsm_status status = bsm_folder_read(path, &folder, search->error);
    for (size_t i = 0; i < folder.count && !status; i++) {
        char *inner = bsm_folder_path(name, folder.entries[i].name);
        status = inner ? take_pool_entry(search, source, inner, &folder.entries[i], at)
                       : out_of_memory(search);
        free(inner);
    }
    bsm_folder_clear(&folder);
    free(path);
    return status;
}

static bool is_pool_of(const bsm_folder_entry *entry, const char *source)
{
    return entry->folder && strcasecmp(entry->name, source) == 0;
}

static bsm_status take_pools(track_search *search, const bsm_folder *base)
{
    bsm_status status = BSM_OK;
    for (size_t s = 0; s < search->tracks->num_sources && !status; s++) {
        for (size_t i = 0; i < base->count && !status; i++) {
            const bsm_folder_entry *entry = &base->entries[i];
            if (is_pool_of(entry, search->sources[s])) {
                char *name = bsm_folder_path(search->base, entry->name);
                const pool_folder at = {NULL, entry->own};
                status = name ? take_pool(search, s, name, &at) : out_of_memory(search);
                free(name);
            }
        }
    }
    return status;
}

/* ---- The whole search ---- */

/* Find the subset's folder and which of its tracks to take. */
static bsm_status choose_base(track_search *search, const bsm_folder *root, bsm_data_subset subset)
{
    const bool has_valid = bsm_folder_has_folder(root, "valid");
    const bool musdb = (search->layout == BSM_LAYOUT_AUTO || search->layout == BSM_LAYOUT_MUSDB) &&
                       !has_valid && bsm_folder_has_folder(root, "train");
    const bool divided =
        has_valid || bsm_folder_has_folder(root, "train") || bsm_folder_has_folder(root, "test");
    search->base = divided ? subset_names[subset] : "";
    search->choice = ALL_TRACKS;
    if (musdb && subset == BSM_SUBSET_VALID) {
        search->base = "train";
        search->choice = MUSDB_VALIDATION;
    } else if (musdb && subset == BSM_SUBSET_TRAIN) {
        search->choice = MUSDB_TRAINING;
    }
    if (divided && !bsm_folder_has_folder(root, search->base)) {
        return bsm_fail(search->error, BSM_NOT_FOUND, "%s: has no folder \"%s\"", search->root,
                        search->base);
    }
    if (!divided && (subset != BSM_SUBSET_TRAIN || search->layout == BSM_LAYOUT_MUSDB)) {
        return bsm_fail(search->error, BSM_NOT_FOUND,
                        "%s: has no folder \"%s\"; without folders train, valid and test all is "
                        "for training%s",
                        search->root, subset_names[subset],
                        search->layout == BSM_LAYOUT_MUSDB ? ", in another layout than musdb" : "");
    }
    return BSM_OK;
}

static bool is_pool(const track_search *search, const bsm_folder *base)
{
    if (search->layout != BSM_LAYOUT_AUTO) {
        return search->layout == BSM_LAYOUT_POOL;
    }
    for (size_t s = 0; s < search->tracks->num_sources; s++) {
        for (size_t i = 0; i < base->count; i++) {
            if (is_pool_of(&base->entries[i], search->sources[s])) {
                return true;
            }
        }
    }
    return false;
}

/* Write a list of names: "vocals, drums". */
static void join_sources(const track_search *search, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t s = 0; s < search->tracks->num_sources && length < size; s++) {
        const int more =
            snprintf(text + length, size - length, "%s%s", s ? ", " : "", search->sources[s]);
        length += more > 0 ? (size_t)more : 0;
    }
}

static bsm_status fail_empty(const track_search *search, const char *path, bool pool)
{
    char sources[200];
    join_sources(search, sources, sizeof sources);
    if (search->choice == MUSDB_VALIDATION) {
        return bsm_fail(search->error, BSM_NOT_FOUND,
                        "%s: has no folder \"valid\", and in \"train\" none of the 14 tracks that "
                        "MUSDB18 has for it, with any of: %s",
                        search->root, sources);
    }
    return bsm_fail(search->error, BSM_NOT_FOUND, "%s: holds no %s of any of: %s", path,
                    pool ? "folder with audio files" : "folder with an audio file", sources);
}

static bsm_status search_base(track_search *search)
{
    char *path = *search->base ? bsm_folder_path(search->root, search->base) : strdup(search->root);
    if (!path) {
        return out_of_memory(search);
    }
    bsm_folder base;
    bsm_status status = bsm_folder_read(path, &base, search->error);
    if (!status) {
        const bool pool = is_pool(search, &base);
        status = pool ? take_pools(search, &base) : take_tracks(search, &base);
        if (!status && search->tracks->num_tracks == 0) {
            status = fail_empty(search, path, pool);
        }
    }
    bsm_folder_clear(&base);
    free(path);
    return status;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const bsm_track *)a)->name, ((const bsm_track *)b)->name);
}

bsm_status bsm_tracks_find(const char *root, bsm_data_layout layout, bsm_data_subset subset,
                           const char *const *sources, size_t num_sources, bsm_tracks **tracks,
                           bsm_error *error)
{
    *tracks = NULL;
    track_search search = {.root = root,
                           .layout = layout,
                           .sources = sources,
                           .tracks = calloc(1, sizeof(bsm_tracks)),
                           .error = error};
    if (!search.tracks) {
        return out_of_memory(&search);
    }
    search.tracks->num_sources = num_sources;
    bsm_folder folder;
    bsm_status status = bsm_folder_read(root, &folder, error);
    if (!status) {
        status = choose_base(&search, &folder, subset);
    }
    bsm_folder_clear(&folder);
    if (!status) {
        status = search_base(&search);
    }
    if (status) {
        bsm_tracks_free(search.tracks);
        return status;
    }
    qsort(search.tracks->tracks, search.tracks->num_tracks, sizeof(bsm_track), compare);
    *tracks = search.tracks;
    return BSM_OK;
}
