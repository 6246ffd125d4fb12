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
    size_t frames; /**< in the block, from 1 */
    size_t wanted; /**< the first frames, beyond which the network only looks ahead */
    size_t first;  /**< of these, the first that is given; before it the network only looks back */
    size_t commit; /**< a stream's block: the frames, all of the wanted ones, after which the state
                        is kept, and after which the next block starts. 0: a window, from a zero
                        state, of which nothing is kept */
    size_t shared; /**< frames at the block's start that the last block ended with: they are not
                        transformed again where that is of use. 0 is always right */
    const float *const *audio;  /**< per channel the samples that the frames cover */
    float *const *const *stems; /**< [num_stems]; NULL for one that is not wanted. Per channel as
                                     many samples as frames `first` to `wanted` cover, to which
                                     these frames' windowed inverse transforms are added, one after
                                     the other */
} bsm_block;

BSM_END_DECLS

#endif
