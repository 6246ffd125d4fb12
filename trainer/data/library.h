/* SPDX-License-Identifier: ISC */
/** All audio files that examples are drawn from, and drawing from them: a root by its weight, then
 *  one of its tracks, then one of the places where the source sounds, each evenly. */
#ifndef BSM_TRAINER_LIBRARY_H
#define BSM_TRAINER_LIBRARY_H

#include "data/clip.h"
#include "data/random.h"
#include "data/report.h"

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

#endif
