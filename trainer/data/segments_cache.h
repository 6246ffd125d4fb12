/* SPDX-License-Identifier: ISC */
/** The activity lists of a data folder, kept in a small text file so that the audio is read through
 *  once only: ROOT/.bsm-segments.txt, or a file in a folder of the user's choice.
 *
 *  The first line names the format and the options; a file made with others is not used. Each
 *  further line is one audio file: its size, time of change (s, ns), rate, channels, samples,
 *  chunks of a window, number of active windows, their first chunks, and its path below the root.
 *  A file whose size or time has changed is not found. One thread at a time. */
#ifndef BSM_TRAINER_SEGMENTS_CACHE_H
#define BSM_TRAINER_SEGMENTS_CACHE_H

#include <sys/stat.h>

#include "data/activity.h"

typedef struct bsm_segments_cache bsm_segments_cache;

/** Read what is there; a file that is not there, or not readable, or damaged, is as an empty one.
 *  @param folder  where the file lies; NULL: in the root
 *  BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_segments_cache_open(const char *root, const char *folder,
                                                 const bsm_sad_options *options,
                                                 bsm_segments_cache **cache, bsm_error *error);
void bsm_segments_cache_free(bsm_segments_cache *cache);

/** Take what is known of a file; false if nothing is. The caller frees activity->starts. */
bool bsm_segments_cache_find(bsm_segments_cache *cache, const char *path, const struct stat *file,
                             bsm_activity *activity);

/** Remember a file until _save; a copy is made. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_segments_cache_add(bsm_segments_cache *cache, const char *path,
                                                const struct stat *file,
                                                const bsm_activity *activity, bsm_error *error);

/** Write the file if anything was added: beside, then renamed. Entries of other files stay as long
 *  as those files are there. BSM_NO_PERMISSION, BSM_NO_SPACE, BSM_IO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_segments_cache_save(bsm_segments_cache *cache, bsm_error *error);

#endif
