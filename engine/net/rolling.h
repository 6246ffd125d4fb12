/* SPDX-License-Identifier: ISC */
/** Rolling memory: which of a stream's two states hears a block, and when the other one, which
 *  starts from zero beside it, takes over (docs/model.md, Streams). */
#ifndef BSM_NET_ROLLING_H
#define BSM_NET_ROLLING_H

#include "bsm/network.h"

typedef struct bsm_roll {
    bsm_rolling rule; /**< segment 0: one state for ever */
    size_t heard;     /**< the state that the block in work is separated with */
    bool warms;       /**< the other one sees it, too, and is not heard */
    size_t age[2];    /**< frames committed since a state was zero */
} bsm_roll;

/** The next block is a stream's first. */
void bsm_roll_reset(bsm_roll *roll);

/** A stream's block begins: set `heard` and `warms`. */
void bsm_roll_begin(bsm_roll *roll, const bsm_block *block);

/** It has been done. */
void bsm_roll_end(bsm_roll *roll, const bsm_block *block);

#endif
