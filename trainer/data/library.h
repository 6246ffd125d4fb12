/* SPDX-License-Identifier: ISC */
/** The library of audio files that examples are drawn from, and the report of what was skipped. */
#ifndef BSM_TRAINER_DATA_LIBRARY_H
#define BSM_TRAINER_DATA_LIBRARY_H

#include <pthread.h>
#include <stdatomic.h>

#include "data/activity.h"
#include "data/loader.h"
#include "data/random.h"

/* The lines and the counts that the loader's threads report. Lines come one at a time. Any
 * thread. */

typedef struct bsm_report {
    bsm_loader_log *log; /**< may be NULL */
    void *user;
    pthread_mutex_t lock;
    uint64_t skipped; /**< skipped files; guarded by the lock */
} bsm_report;

/** Report a line. */
void bsm_report_line(bsm_report *report, const char *format, ...) BSM_PRINTF(2, 3);

/** Report that a file is skipped, and count it. */
void bsm_report_skipped(bsm_report *report, const char *reason);

uint64_t bsm_report_count(bsm_report *report);

/* ---- A source of a track ---- */

/** One source of a track: an audio file, or what the track's other sources leave of its mixture. */
typedef struct bsm_clip {
    const char
        *path; /**< file of the source or of the mixture; NULL: the track has no usable one */
    /** the track's clips, if this is the mixture minus all the others */
    const struct bsm_clip *row;
    bsm_activity activity;
    atomic_bool named; /**< it could not be read when it was drawn, and the log has said so */
} bsm_clip;

/** List the clips to subtract from a clip, at most `num_sources`; returns their number. */
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

/* All audio files that examples are drawn from. A draw chooses a root by its weight, then one of
 * its tracks, then one of the places where the source is active, the latter two uniformly. */

/** The tracks of one root. */
typedef struct bsm_library_root {
    double weight;
    bsm_tracks *tracks;
    bsm_clip *clips;   /**< [tracks->num_tracks][num_sources] */
    size_t **sounding; /**< per source: the tracks in which it is active somewhere ... */
    size_t *num_sounding;
    size_t *any, num_any; /**< ... and those in which any source is active */
} bsm_library_root;

typedef struct bsm_library {
    size_t num_sources, num_roots;
    bsm_library_root *roots;
    bool sad;
    size_t num_tracks, num_segments; /**< with something to draw, in total */
} bsm_library;

/** Find the tracks of subset `train` in all roots, read the files that the cache does not know on
 *  `threads` threads, and leave out files that are damaged or shorter than `seconds`. A cache that
 *  cannot be written is only a line in the report.
 *  BSM_NOT_FOUND: no root, or a source that is active nowhere; otherwise the errors of
 *  bsm_tracks_find. */
BSM_NODISCARD bsm_status bsm_library_new(const bsm_data_options *options, double seconds,
                                         size_t threads, bsm_report *report, bsm_library **library,
                                         bsm_error *error);
void bsm_library_free(bsm_library *library);

/** Draw a track in which `source` is active; returns its clips, one per source. Any thread. */
bsm_clip *bsm_library_draw(const bsm_library *library, size_t source, bsm_random *random);

/** Draw a track in which any source is active. Any thread. */
bsm_clip *bsm_library_draw_any(const bsm_library *library, bsm_random *random);

/** Draw a start in an active clip, in seconds, such that `seconds` from there lie inside the clip,
 *  which is at least as long, and inside an active window, or around it if they are longer than a
 *  window. Any thread. */
double bsm_library_draw_start(const bsm_library *library, const bsm_clip *clip, double seconds,
                              bsm_random *random);

/** Whether the source is active anywhere in the clip. */
bool bsm_clip_sounds(const bsm_library *library, const bsm_clip *clip);

/* ---- Scanning a root's audio files, once, on several threads ---- */

/** Fill in each clip's activity. If a file is damaged or shorter than `seconds`, the clip's path
 *  becomes NULL, and the report says so. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_library_scan(const bsm_data_options *options, const char *root,
                                          bsm_clip *clips, size_t num_clips, double seconds,
                                          size_t threads, bsm_report *report, bsm_error *error);

#endif
