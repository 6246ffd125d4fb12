/* SPDX-License-Identifier: ISC */
/** Training examples: drawn, mixed and augmented ahead of the step by worker threads.
 *
 *  Example i is a function of the options, the seed and i alone, whatever the number of workers and
 *  of processes: process r of n takes the examples i = r (mod n). */
#ifndef BSM_TRAINER_DATA_LOADER_H
#define BSM_TRAINER_DATA_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/config.h"
#include "data/tracks.h"

/* Training examples: drawn, mixed and augmented ahead of the step by worker threads.
 *
 *  Example i is a function of the options, the seed and i alone, whatever the number of workers and
 *  of processes: process r of n takes the examples i = r (mod n). */

/** A folder of training data. */
typedef struct bsm_data_root {
    const char *path;
    bsm_data_layout layout;
    double weight; /**< how often it is drawn from, relative to the other roots */
} bsm_data_root;

/** A range that a value is drawn from, evenly. */
typedef struct bsm_range {
    double low, high;
} bsm_range;

/** Source activity detection, as published: a window of a source counts as active if at least half
 *  of its chunks are louder (root mean square) than both the floor and the quantile of the file;
 *  see data/activity.h. */
typedef struct bsm_sad_options {
    bool enabled;
    double window;   /**< seconds: 8; a window starts every half of it */
    size_t chunks;   /**< per window: 10 */
    double quantile; /**< 0.15 */
    double floor;    /**< 1e-3 */
    double active;   /**< 0.5 */
} bsm_sad_options;

/** Augmentation of one source; a probability of 0 turns it off. */
typedef struct bsm_augmentation {
    double channel_swap; /**< probability */
    double polarity;
    double eq;           /**< three random peak or shelf filters, up to 6 dB */
    double pitch;        /**< shift by resampling, which shifts formants, too; not of sources that
                              are taken together from one track, which keep their time and key */
    bsm_range semitones; /**< of `pitch`, within -12 to 12 */
    double layers;       /**< one to three more pieces of the same source, at other places */
    double compression, reverb, doubling;
    double width; /**< the difference of the channels times 0 to 1.5 */
    double pan;
} bsm_augmentation;

typedef struct bsm_data_options {
    const bsm_data_root *roots;
    size_t num_roots;
    const char *const *sources; /**< "vocals", "other", ...: what a mixture is the sum of. The only
                                     one that a track with a mixture file does not have is what the
                                     others leave of that */
    size_t num_sources;
    double random_mix; /**< probability that each source is drawn on its own; else those of one
                            track belong together, and what it lacks is drawn on its own */
    const double *silent_prob; /**< per source: probability that it is left out; NULL: never. Where
                                    all would be left out, it is drawn again */
    bsm_range loudness;        /**< factor per source: 0.5 to 1.5 */
    bsm_range level; /**< dB of the target sources over the others, measured on the example and set
                          by raising the target by 20 dB at most; low > high: left to chance */
    const bsm_augmentation *augmentations; /**< per source; NULL: none */
    bsm_sad_options sad;
    const char *segments_cache; /**< folder for the activity lists, made if it is not there; NULL:
                                     in each root */
} bsm_data_options;

typedef struct bsm_loader_options {
    uint64_t seed;
    uint64_t first; /**< number of the first example of all processes */
    size_t process, processes;
    size_t workers;          /**< threads, 1 to 64; each makes its own examples */
    size_t samples;          /**< of an example, at the model's rate */
    const bsm_config *model; /**< sample rate, channels, and the stems: names among the sources */
} bsm_loader_options;

/** One example, [plane][samples]. The mixture is the sum of all sources, the stems among them; all
 *  are scaled down together where its peak would pass 1. */
typedef struct bsm_example {
    uint64_t number;
    float **mixture; /**< per channel */
    float ***stems;  /**< per stem of the model, per channel */
} bsm_example;

typedef struct bsm_loader_stats {
    uint64_t files_skipped; /**< broken, or shorter than an example: each named once by `log` */
    double seconds_waited;  /**< by bsm_loader_next */
    size_t tracks;          /**< in which any source sounds */
    size_t segments;        /**< active windows of all sources; 0 without activity detection */
} bsm_loader_stats;

typedef struct bsm_data_loader bsm_data_loader;

/** One line for the user; called from any thread, one at a time. */
typedef void bsm_loader_log(void *user, const char *line);

/** Scan the roots' training tracks, read or make the activity lists (on the workers' threads; the
 *  first time this reads through all the audio), and start the workers. `data` and what it points
 *  to must last as long as the loader; the rest may go.
 *  BSM_INVALID_ARGUMENT: an option is out of its range, or a stem not among the sources.
 *  BSM_NOT_FOUND: no such folder, or a source without a usable file. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_loader_new(const bsm_data_options *data,
                                        const bsm_loader_options *options, bsm_loader_log *log,
                                        void *user, bsm_data_loader **loader, bsm_error *error);
void bsm_loader_free(bsm_data_loader *loader);

/** About how many bytes a loader's examples and workers take, without the list of segments. */
size_t bsm_loader_bytes(const bsm_data_options *data, const bsm_loader_options *options);

/** Wait for this process's next example; valid until the next call. A file that cannot be read is
 *  skipped, and the example drawn again, the same way in every run. One thread at a time.
 *  BSM_NOT_FOUND: nothing is left that can be read; BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_loader_next(bsm_data_loader *loader, const bsm_example **example,
                                         bsm_error *error);

/** Any thread. */
bsm_loader_stats bsm_loader_get_stats(bsm_data_loader *loader);

/* ---- Checking the options of a loader ---- */

/** BSM_INVALID_ARGUMENT, with the value and what it may be. */
BSM_NODISCARD bsm_status bsm_loader_check(const bsm_data_options *data,
                                          const bsm_loader_options *options, bsm_error *error);

#endif
