/* SPDX-License-Identifier: ISC */
/** Makes training examples: worker threads draw, mix and augment them ahead of the step.
 *
 *  Example i depends only on the options, the seed and i, not on the number of workers or
 *  processes: process r of n takes the examples i = r (mod n). */
#ifndef BSM_TRAINER_DATA_LOADER_H
#define BSM_TRAINER_DATA_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/config.h"
#include "data/tracks.h"

/** A folder of training data. */
typedef struct bsm_data_root {
    const char *path;
    bsm_data_layout layout;
    double weight; /**< how often it is drawn from, relative to the other roots */
} bsm_data_root;

/** A range from which a value is drawn uniformly. */
typedef struct bsm_range {
    double low, high;
} bsm_range;

/** Source activity detection, as published: a window of a source is active if at least half of its
 *  chunks are louder (root mean square) than both the floor and the quantile of the file; see
 *  data/activity.h. */
typedef struct bsm_sad_options {
    bool enabled;
    double window;   /**< seconds: 8; a window starts at every half window */
    size_t chunks;   /**< per window: 10 */
    double quantile; /**< 0.15 */
    double floor;    /**< 1e-3 */
    double active;   /**< 0.5 */
} bsm_sad_options;

/** The augmentation of one source; a probability of 0 turns it off. */
typedef struct bsm_augmentation {
    double channel_swap; /**< probability */
    double polarity;
    double eq; /**< three random peak or shelf filters, up to 6 dB */
    /** a shift by resampling, which shifts formants, too; sources that are taken together from
     *  one track keep their time and key */
    double pitch;
    bsm_range semitones; /**< of `pitch`, within -12 to 12 */
    double layers;       /**< one to three more pieces of the same source, from other places */
    double compression, reverb, doubling;
    double width; /**< the difference of the channels times 0 to 1.5 */
    double pan;
} bsm_augmentation;

typedef struct bsm_data_options {
    const bsm_data_root *roots;
    size_t num_roots;
    /** "vocals", "other", ...: their sum is the mixture. If a track with a mixture file lacks
     *  exactly one of them, that one is what the others leave of the mixture */
    const char *const *sources;
    size_t num_sources;
    /** probability that each source is drawn independently; otherwise those of one track stay
     *  together, and sources that it lacks are drawn independently */
    double random_mix;
    /** per source: probability that it is left out; NULL: never. If all would be left out, they
     *  are drawn again */
    const double *silent_prob;
    bsm_range loudness; /**< factor per source: 0.5 to 1.5 */
    /** dB of the target sources over the others, measured on the example and reached by raising
     *  the target by 20 dB at most; low > high: not set */
    bsm_range level;
    const bsm_augmentation *augmentations; /**< per source; NULL: none */
    bsm_sad_options sad;
    /** folder for the activity lists, created if necessary; NULL: in each root */
    const char *segments_cache;
} bsm_data_options;

typedef struct bsm_loader_options {
    uint64_t seed;
    uint64_t first; /**< index of the first example of all processes */
    size_t process, processes;
    size_t workers; /**< threads, 1 to 64; each makes examples of its own */
    size_t samples; /**< of an example, at the model's rate */
    /** sample rate, channels, and the stems, which are names of sources */
    const bsm_config *model;
} bsm_loader_options;

/** One example, [plane][samples]. The mixture is the sum of all sources, including the stems; all
 *  are scaled down together if its peak would exceed 1. */
typedef struct bsm_example {
    uint64_t number;
    float **mixture; /**< per channel */
    float ***stems;  /**< per stem of the model, per channel */
} bsm_example;

typedef struct bsm_loader_stats {
    uint64_t files_skipped; /**< damaged, or shorter than an example; `log` names each once */
    double seconds_waited;  /**< by bsm_loader_next */
    size_t tracks;          /**< tracks in which any source is active */
    size_t segments;        /**< active windows of all sources; 0 without activity detection */
} bsm_loader_stats;

typedef struct bsm_data_loader bsm_data_loader;

/** One line for the user; called from any thread, one at a time. */
typedef void bsm_loader_log(void *user, const char *line);

/** Scan the roots' training tracks, read or make the activity lists (on the workers' threads; the
 *  first time this reads all the audio), and start the workers. `data` and what it points to must
 *  outlive the loader; the rest need not.
 *  BSM_INVALID_ARGUMENT: an option is out of range, or a stem is not among the sources.
 *  BSM_NOT_FOUND: no such folder, or a source without a usable file. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_loader_new(const bsm_data_options *data,
                                        const bsm_loader_options *options, bsm_loader_log *log,
                                        void *user, bsm_data_loader **loader, bsm_error *error);
void bsm_loader_free(bsm_data_loader *loader);

/** The approximate number of bytes that a loader's examples and workers take, without the list of
 *  segments. */
size_t bsm_loader_bytes(const bsm_data_options *data, const bsm_loader_options *options);

/** Wait for this process's next example, which is valid until the next call. A file that cannot be
 *  read is skipped and the example is drawn again, the same way in every run. One thread at a
 *  time.
 *  BSM_NOT_FOUND: nothing is left that can be read; BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_loader_next(bsm_data_loader *loader, const bsm_example **example,
                                         bsm_error *error);

/** Any thread. */
bsm_loader_stats bsm_loader_get_stats(bsm_data_loader *loader);

/* ---- Checking the options of a loader ---- */

/** BSM_INVALID_ARGUMENT, with the value and its allowed range. */
BSM_NODISCARD bsm_status bsm_loader_check(const bsm_data_options *data,
                                          const bsm_loader_options *options, bsm_error *error);

#endif
