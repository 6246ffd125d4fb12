/* SPDX-License-Identifier: ISC */
/** Separating a long signal as the live engine does: one transform of the whole signal, its frames
 *  committed in blocks with a look-ahead, the state carried from block to block.
 *
 *  Block b sees the frames from b * commit to the end of its look-ahead or of the signal. With a
 *  bounded history the state is not carried: each block also sees the frames before it, from a zero
 *  state. The signal is read as late as possible, so that a live one is not waited for. */
#ifndef BSM_SEPARATE_BLOCKS_H
#define BSM_SEPARATE_BLOCKS_H

#include "separate/separation.h"

typedef struct bsm_blocks bsm_blocks;

/** All in frames. */
typedef struct bsm_block_shape {
    size_t commit; /**< at least 1 */
    size_t lookahead;
    size_t history; /**< 0: the state is the network's affair, which goes on from block to block */
} bsm_block_shape;

/** `separation` has one lane. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_blocks_new(const bsm_separation *separation,
                                        const bsm_block_shape *shape, bsm_blocks **blocks,
                                        bsm_error *error);
void bsm_blocks_free(bsm_blocks *blocks);

/** The next samples of the result, as bsm_windows_next gives them. */
BSM_NODISCARD bsm_status bsm_blocks_next(bsm_blocks *blocks, float *const **audio, size_t *count,
                                         bsm_error *error);

#endif
