/* SPDX-License-Identifier: ISC */
/** A block of a signal on its way through a network: samples of a mixture in, samples of its stems
 *  out.
 *
 *  The network sees frames of n_fft samples, a hop apart: `frames` of them cover (frames - 1) * hop
 *  + n_fft samples. Their windowed transforms and inverse transforms are the network's; what is
 *  reflected at a signal's ends, and the division by the sum of the squared windows, is its
 *  caller's. */
#ifndef BSM_BLOCK_H
#define BSM_BLOCK_H

#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_block {
    size_t frames; /**< number of frames in the block, 1 or more */
    size_t wanted; /**< number of frames whose stems are wanted; the network only looks ahead at
                      those after them */
    size_t first;  /**< the first of these whose stems are given; the network only looks back at
                      those before it */
    size_t commit; /**< a stream's block: the frames, all of the wanted ones, after which the state
                        is kept, and after which the next block starts. 0: a window, from a zero
                        state, of which nothing is kept */
    size_t shared; /**< number of frames at the block's start that also ended the last block, so
                      that they need not be transformed again; 0 is always allowed */
    const float *const *audio;  /**< the samples that the frames cover, per channel */
    float *const *const *stems; /**< [num_stems]; NULL for one that is not wanted. Per channel as
                                     many samples as frames `first` to `wanted` cover, to which
                                     these frames' windowed inverse transforms are added, one after
                                     the other */
} bsm_block;

BSM_END_DECLS

#endif
