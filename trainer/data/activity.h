/* SPDX-License-Identifier: ISC */
/** Source activity detection: where in a file its source is active; and the lists of that, kept in
 * a data folder. */
#ifndef BSM_TRAINER_DATA_ACTIVITY_H
#define BSM_TRAINER_DATA_ACTIVITY_H

#include <stdint.h>
#include <sys/stat.h>

#include "data/loader.h"

/* Source activity detection: where in a file its source sounds.
 *
 *  As published for BSRNN (Luo and Yu, 2022) and taken over by BSMamba2: a file is cut into chunks
 *  of a tenth of a window; a window is active if at least half of its chunks are louder than the
 *  floor and not below the quantile of the file's chunks, so that a steady sound counts, too.
 *
 *  Loudness is the root mean square over all channels, as in the published code, so the floor of
 *  1e-3 is 60 dB below full scale. (As a mean square it would be 30 dB below, above much of a quiet
 *  voice; as a sum of squares over a chunk 78 dB below, under a codec's noise.) Chunks of digital
 *  silence have no part in the quantile. */

/** What is known of a file once it was read. */
typedef struct bsm_activity {
    size_t rate, channels;
    uint64_t frames;    /**< samples per channel, as many as could be read */
    uint64_t nonfinite; /**< samples that are not numbers, read as 0; as `lacking` */
    uint64_t lacking;   /**< that its header announces beyond them; 0 where the cache knew it */
    size_t chunk;       /**< samples of a chunk */
    size_t length;      /**< chunks of a window: fewer than asked for where the file is shorter */
    size_t num_starts;
    uint32_t *starts; /**< the active windows' first chunks, rising; the caller frees them */
} bsm_activity;

/** Samples of a chunk at a rate: at least 1. */
size_t bsm_activity_chunk(const bsm_sad_options *options, size_t rate);

/** Find the active windows from the chunks' loudness, and set length, starts and num_starts.
 *  Windows start every half window; a last one ends with the last chunk. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_activity_find(const bsm_sad_options *options, const double *loudness,
                                           size_t chunks, bsm_activity *activity, bsm_error *error);

/** Read through a whole file, or through one less others, which have its rate and channels and end
 *  with silence where they are shorter: what they leave of a mixture.
 *  @param paths  the file, then `less` others
 *  A file of which something is missing is damaged: BSM_BAD_AUDIO; else as bsm_audio_reader_open.
 */
BSM_NODISCARD bsm_status bsm_activity_scan(const char *const *paths, size_t less,
                                           const bsm_sad_options *options, bsm_activity *activity,
                                           bsm_error *error);

/** As _scan, but only the headers are read, unless the first does not say how long its file is: no
 *  chunks, no starts. */
BSM_NODISCARD bsm_status bsm_activity_glance(const char *const *paths, size_t less,
                                             bsm_activity *activity, bsm_error *error);

/* The activity lists of a data folder, kept in a small text file so that the audio is read through
 *  once only: ROOT/.bsm-segments.txt, or a file in a folder of the user's choice.
 *
 *  The first line names the format and the options; a file made with others is not used. Each
 *  further line is one audio file: its size, time of change (s, ns), rate, channels, samples,
 *  chunks of a window, number of active windows, their first chunks, and its path below the root.
 *  A file whose size or time has changed is not found. One thread at a time. */

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
