/* SPDX-License-Identifier: ISC */
/** The last blocks of a stream, so that another device can take it over: what it computes anew from
 *  them is the state of the stream. */
#ifndef BSM_NET_HISTORY_H
#define BSM_NET_HISTORY_H

#include "bsm/block.h"
#include "bsm/config.h"

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
