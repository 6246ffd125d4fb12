/* SPDX-License-Identifier: ISC */
/** A source of a track. */
#ifndef BSM_TRAINER_CLIP_H
#define BSM_TRAINER_CLIP_H

#include <stdatomic.h>

#include "data/activity.h"

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

#endif
