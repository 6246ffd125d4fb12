/* SPDX-License-Identifier: ISC */
/** What a stream keeps of its past, counted in frames. */
#ifndef BSM_NET_HISTORY_H
#define BSM_NET_HISTORY_H

#include "bsm/block.h"
#include "bsm/config.h"
#include "bsm/network.h"

/* Rolling memory: which of a stream's two states hears a block, and when the other one, which
 *  starts from zero beside it, takes over (docs/model.md, Streams). */

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

/* The last blocks of a stream, so that another device can take it over: what it computes anew from
 *  them is the state of the stream. */

typedef struct bsm_history bsm_history;

/** Keep at least the last `kept` committed frames, in whole blocks of up to `longest` frames.
 *  BSM_NO_MEMORY. */
bsm_status bsm_history_new(const bsm_config *config, size_t kept, size_t longest,
                           bsm_history **history, bsm_error *error);
void bsm_history_free(bsm_history *history);

/** Forget all. */
void bsm_history_clear(bsm_history *history);

/** Add a block that has been committed. */
void bsm_history_add(bsm_history *history, const bsm_block *block);

size_t bsm_history_count(const bsm_history *history);

/** Frames that have been committed since a block's start. */
size_t bsm_history_since(const bsm_history *history, size_t index);

/** A block as it was, without stems. Its samples are there until the next call. */
bsm_block bsm_history_at(bsm_history *history, size_t index);

#endif
