/* SPDX-License-Identifier: ISC */
/** What a stream keeps of its past, counted in frames. */
#ifndef BSM_NET_HISTORY_H
#define BSM_NET_HISTORY_H

#include "bsm/block.h"
#include "bsm/config.h"
#include "bsm/network.h"

/* Rolling memory: it decides which of a stream's two states is heard in a block, and when the
 * other one, which starts from zero beside it, takes over (docs/model.md, Streams). */

typedef struct bsm_roll {
    bsm_rolling rule; /**< a segment of 0: one state for ever */
    size_t heard;     /**< the state that separates the current block */
    bool warms;       /**< the other state processes the block, too, without being heard */
    size_t age[2];    /**< frames committed since each state was zero */
} bsm_roll;

/** Make the next block the first of a stream. */
void bsm_roll_reset(bsm_roll *roll);

/** Begin a block of the stream: set `heard` and `warms`. */
void bsm_roll_begin(bsm_roll *roll, const bsm_block *block);

/** End the block. */
void bsm_roll_end(bsm_roll *roll, const bsm_block *block);

/* The last blocks of a stream, for another device to take the stream over: it computes them again
 * to restore the stream's state. */

typedef struct bsm_history bsm_history;

/** Make one that keeps at least the last `kept` committed frames, in whole blocks of up to
 *  `longest` frames. BSM_NO_MEMORY. */
bsm_status bsm_history_new(const bsm_config *config, size_t kept, size_t longest,
                           bsm_history **history, bsm_error *error);
void bsm_history_free(bsm_history *history);

/** Forget everything. */
void bsm_history_clear(bsm_history *history);

/** Append a block that has been committed. */
void bsm_history_add(bsm_history *history, const bsm_block *block);

size_t bsm_history_count(const bsm_history *history);

/** The frames that have been committed since a block's start. */
size_t bsm_history_since(const bsm_history *history, size_t index);

/** Get a block as it was, without stems. Its samples are valid until the next call. */
bsm_block bsm_history_at(bsm_history *history, size_t index);

#endif
