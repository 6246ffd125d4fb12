/* SPDX-License-Identifier: ISC */
/** Lists folders, and finds the tracks in a data folder, in an order that does not depend on the
 *  file system. */
#ifndef BSM_TRAINER_DATA_TRACKS_H
#define BSM_TRAINER_DATA_TRACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "bsm/status.h"

/* ---- The contents of a folder, in an order that does not depend on the file system ---- */

typedef struct bsm_folder_entry {
    char *name;
    bool folder;     /**< or a link to one */
    struct stat own; /**< of the target of a link; only for folders */
} bsm_folder_entry;

typedef struct bsm_folder {
    size_t count;
    bsm_folder_entry *entries; /**< sorted bytewise, without hidden ones */
} bsm_folder;

/** List a folder. BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_NO_MEMORY, BSM_IO. */
BSM_NODISCARD bsm_status bsm_folder_read(const char *path, bsm_folder *folder, bsm_error *error);
void bsm_folder_clear(bsm_folder *folder);

/** Whether it contains a folder of that name or a link to one. */
bool bsm_folder_has_folder(const bsm_folder *folder, const char *name);

/** Make "FOLDER/NAME", or NAME if FOLDER is "", for free(); NULL when out of memory. */
char *bsm_folder_path(const char *folder, const char *name);

/* The tracks in a data folder, and the audio files of their sources.
 *
 * Layouts, each for one of the subsets train, valid and test:
 * - musdb: ROOT/SUBSET/TRACK/SOURCE.wav, as MUSDB18-HQ is downloaded (Rafii et al., 2019,
 *   https://zenodo.org/records/3338373). Without a valid folder, the 14 tracks of `train` that
 *   musdb's own list names are `valid`, and are left out of `train`.
 * - tracks: ROOT/SUBSET/TRACK/SOURCE.EXT.
 * - pool: ROOT/SUBSET/SOURCE/ANY.EXT (also in folders inside it): files that do not belong
 *   together; each file is a track of one source.
 *
 * In all of them EXT may be that of any format that bsm reads. Tracks and pools may also lie in
 * ROOT itself if it contains no folder of a subset: then all of it is `train`. Links are followed;
 * hidden files and folders are ignored. */

typedef enum bsm_data_layout {
    /** pool if there is a folder with a source's name, otherwise musdb or tracks */
    BSM_LAYOUT_AUTO,
    BSM_LAYOUT_MUSDB,
    BSM_LAYOUT_TRACKS,
    BSM_LAYOUT_POOL,
} bsm_data_layout;

typedef enum bsm_data_subset {
    BSM_SUBSET_TRAIN,
    BSM_SUBSET_VALID,
    BSM_SUBSET_TEST,
} bsm_data_subset;

typedef struct bsm_track {
    char *name;     /**< its path below the root */
    char **sources; /**< per requested source its file, or NULL if the track has none */
    char *mixture;  /**< its mixture file; NULL: the sum of all its sources */
} bsm_track;

typedef struct bsm_tracks {
    size_t num_tracks, num_sources;
    bsm_track *tracks;   /**< sorted by name, bytewise */
    size_t num_left_out; /**< folders with audio files, none of which is a source ... */
    char *left_out;      /**< ... and the first of them, relative to the root; NULL: none */
} bsm_tracks;

/** Find the tracks that have at least one of the sources. A source called "other" that a track
 *  lacks is left to the caller (NULL) if the track has a mixture and vocals. BSM_NOT_FOUND (no
 *  folder or no such tracks; the message says which), BSM_NO_PERMISSION, BSM_IO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_tracks_find(const char *root, bsm_data_layout layout,
                                         bsm_data_subset subset, const char *const *sources,
                                         size_t num_sources, bsm_tracks **tracks, bsm_error *error);
void bsm_tracks_free(bsm_tracks *tracks);

#endif
