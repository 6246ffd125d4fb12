/* SPDX-License-Identifier: ISC */
/** Source activity detection finds where in a file its source is active; the lists are kept in the
 *  data folder. */
#ifndef BSM_TRAINER_DATA_ACTIVITY_H
#define BSM_TRAINER_DATA_ACTIVITY_H

#include <stdint.h>
#include <sys/stat.h>

#include "data/loader.h"

/* Source activity detection: where in a file its source can be heard.
 *
 * The method was published for BSRNN (Luo and Yu, 2022) and adopted by BSMamba2. A file is cut
 * into chunks of a tenth of a window. A window is active if at least half of its chunks are louder
 * than the floor and not below the quantile of the file's chunks, so that a steady source counts,
 * too.
 *
 * Loudness is the root mean square over all channels, as in the published code, so the floor of
 * 1e-3 is 60 dB below full scale. (As a mean square it would be 30 dB below, above much of a quiet
 * voice; as a sum of squares over a chunk, 78 dB below, under a codec's noise.) Chunks of digital
 * silence do not count for the quantile. */

/** What is known of a file once it has been read. */
typedef struct bsm_activity {
    size_t rate, channels;
    uint64_t frames;    /**< samples per channel that could be read */
    uint64_t nonfinite; /**< samples that are not finite, read as 0; as for `lacking` */
    /** samples that its header announces in addition; 0 if the file was in the cache */
    uint64_t lacking;
    size_t chunk;  /**< samples of a chunk */
    size_t length; /**< chunks of a window: fewer than requested if the file is shorter */
    size_t num_starts;
    /** the first chunks of the active windows, ascending; the caller frees them */
    uint32_t *starts;
} bsm_activity;

/** Samples of a chunk at this rate; at least 1. */
size_t bsm_activity_chunk(const bsm_sad_options *options, size_t rate);

/** Find the active windows from the chunks' loudness, and set length, starts and num_starts. A
 *  window starts every half window; the last one ends with the last chunk. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_activity_find(const bsm_sad_options *options, const double *loudness,
                                           size_t chunks, bsm_activity *activity, bsm_error *error);

/** Read a whole file, or the difference between a mixture and other files. These have its rate and
 *  channels, and are padded with silence if they are shorter.
 *  @param paths  the file, then the `less` others
 *  A file that is incomplete is damaged: BSM_BAD_AUDIO; otherwise the errors of
 *  bsm_audio_reader_open. */
BSM_NODISCARD bsm_status bsm_activity_scan(const char *const *paths, size_t less,
                                           const bsm_sad_options *options, bsm_activity *activity,
                                           bsm_error *error);

/** Like _scan, but read only the headers, unless the first file's does not say how long it is.
 *  Yields no chunks and no starts. */
BSM_NODISCARD bsm_status bsm_activity_glance(const char *const *paths, size_t less,
                                             bsm_activity *activity, bsm_error *error);

/* The activity lists of a data folder. They are kept in a small text file, so that the audio is
 * read only once: ROOT/.bsm-segments.txt, or a file in a folder of the user's choice.
 *
 * The first line contains the format and the options; a file made with others is not used. Each
 * further line is one audio file: its size, modification time (s, ns), rate, channels, samples,
 * chunks of a window, number of active windows, their first chunks, and its path below the root. A
 * file whose size or time has changed is not found. One thread at a time. */

typedef struct bsm_segments_cache bsm_segments_cache;

/** Read the file; one that does not exist, cannot be read or is damaged counts as empty.
 *  @param folder  the folder of the file; NULL: the root
 *  BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_segments_cache_open(const char *root, const char *folder,
                                                 const bsm_sad_options *options,
                                                 bsm_segments_cache **cache, bsm_error *error);
void bsm_segments_cache_free(bsm_segments_cache *cache);

/** Look a file up; false if it is not known. The caller frees activity->starts. */
bool bsm_segments_cache_find(bsm_segments_cache *cache, const char *path, const struct stat *file,
                             bsm_activity *activity);

/** Remember a file until _save; makes a copy. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_segments_cache_add(bsm_segments_cache *cache, const char *path,
                                                const struct stat *file,
                                                const bsm_activity *activity, bsm_error *error);

/** Write the file if anything was added: beside it, then renamed. Entries of other files are kept
 *  as long as those files exist. BSM_NO_PERMISSION, BSM_NO_SPACE, BSM_IO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_segments_cache_save(bsm_segments_cache *cache, bsm_error *error);

#endif
