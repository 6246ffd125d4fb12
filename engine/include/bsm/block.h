/* SPDX-License-Identifier: ISC */
/** A block of a signal that a network separates: samples of a mixture in, samples of its stems out.
 *
 *  The network sees frames of n_fft samples, one hop apart, so `frames` of them cover
 *  (frames - 1) * hop + n_fft samples. The network computes the windowed transforms and inverse
 *  transforms. The caller reflects the signal at its ends, and divides the stems by the sum of the
 *  squared windows. */
#ifndef BSM_BLOCK_H
#define BSM_BLOCK_H

#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_block {
    size_t frames; /**< number of frames in the block, at least 1 */
    size_t wanted; /**< end of the frames that are output; the frames from it on are look-ahead */
    size_t first;  /**< the first frame that is output; the frames before it are only context */
    size_t commit; /**< in a stream, the number of frames by which the state moves on, and after
                        which the next block starts; it equals `wanted`. 0: the block is a window,
                        which starts from a zero state and keeps none */
    size_t shared; /**< number of frames at the start of this block with which the last block
                        ended, so that a network need not transform them again; 0 is always
                        correct */
    const float *const *audio;  /**< [channels]: the samples that the frames cover */
    float *const *const *stems; /**< [num_stems][channels], or NULL for a stem that is not wanted:
                                     as many samples as the frames from `first` to before `wanted`
                                     cover. Their windowed inverse transforms are added to what is
                                     there, each one hop after the last */
} bsm_block;

BSM_END_DECLS

#endif
