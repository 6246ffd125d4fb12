/* SPDX-License-Identifier: ISC */
/** What the loader's threads have to say, and count: one line at a time. Any thread. */
#ifndef BSM_TRAINER_DATA_LIBRARY_H
#define BSM_TRAINER_DATA_LIBRARY_H

#include <pthread.h>
#include <stdatomic.h>

#include "data/activity.h"
#include "data/loader.h"
#include "data/random.h"

/* What the loader's threads have to say, and count: one line at a time. Any thread. */

typedef struct bsm_report {
    bsm_loader_log *log; /**< may be NULL */
    void *user;
    pthread_mutex_t lock;
    uint64_t skipped; /**< files; under the lock */
} bsm_report;

/** Say a line. */
void bsm_report_line(bsm_report *report, const char *format, ...) BSM_PRINTF(2, 3);

/** Say that a file is skipped, and count it. */
void bsm_report_skipped(bsm_report *report, const char *reason);

uint64_t bsm_report_count(bsm_report *report);

/* ---- A source of a track ---- */

/** One source of a track: an audio file, or what the track's other sources leave of its mixture.
 */
typedef struct bsm_clip {
    const char
        *path; /**< the source's or the mixture's; NULL: the track has nothing usable of it */
    const struct bsm_clip *row; /**< the track's clips, if this is a mixture less all the others */
    bsm_activity activity;
    atomic_bool named; /**< could not be read where it was drawn, and the log says so */
} bsm_clip;

/** The clips to take from a clip: up to `num_sources`, of which the number is returned. */
static inline size_t bsm_clip_less(const bsm_clip *clip, size_t num_sources, const bsm_clip **less)
{
    size_t count = 0;
    for (size_t s = 0; clip->row && s < num_sources; s++) {
        if (&clip->row[s] != clip) {
            less[count++] = &clip->row[s];
        }
    }
    return count;
}

/* All audio files that examples are drawn from, and drawing from them: a root by its weight, then
 *  one of its tracks, then one of the places where the source sounds, each evenly. */

/** One root's tracks. */
typedef struct bsm_library_root {
    double weight;
    bsm_tracks *tracks;
    bsm_clip *clips;   /**< [tracks->num_tracks][num_sources] */
    size_t **sounding; /**< per source: the tracks in which it sounds somewhere ... */
    size_t *num_sounding;
    size_t *any, num_any; /**< ... and those in which any of them does */
} bsm_library_root;

typedef struct bsm_library {
    size_t num_sources, num_roots;
    bsm_library_root *roots;
    bool sad;
    size_t num_tracks, num_segments; /**< with something to draw, in all */
} bsm_library;

/** Find the tracks of subset `train` in all roots, read through the files that the cache does not
 *  know on `threads` threads, and leave out those that are broken or last less than `seconds`.
 *  A cache that cannot be written is a line in the report.
 *  BSM_NOT_FOUND: no root, or a source that sounds nowhere; else as bsm_tracks_find. */
BSM_NODISCARD bsm_status bsm_library_new(const bsm_data_options *options, double seconds,
                                         size_t threads, bsm_report *report, bsm_library **library,
                                         bsm_error *error);
void bsm_library_free(bsm_library *library);

/** Draw a track in which `source` sounds; returns its clips, one per source. Any thread. */
bsm_clip *bsm_library_draw(const bsm_library *library, size_t source, bsm_random *random);

/** Draw a track in which any source sounds. Any thread. */
bsm_clip *bsm_library_draw_any(const bsm_library *library, bsm_random *random);

/** Draw where in a clip that sounds somewhere to begin: seconds from its start, so that `seconds`
 *  from there lie inside the clip, which lasts as long, and inside an active window or, where they
 *  are longer than that, around it. Any thread. */
double bsm_library_draw_start(const bsm_library *library, const bsm_clip *clip, double seconds,
                              bsm_random *random);

/** Whether the source sounds somewhere in the clip. */
bool bsm_clip_sounds(const bsm_library *library, const bsm_clip *clip);

/* ---- Reading through a root's audio files, once, on several threads ---- */

/** Fill in each clip's activity. Of a file that is broken or lasts less than `seconds` the clip's
 *  path becomes NULL, and the report says so. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_library_scan(const bsm_data_options *options, const char *root,
                                          bsm_clip *clips, size_t num_clips, double seconds,
                                          size_t threads, bsm_report *report, bsm_error *error);

#endif
