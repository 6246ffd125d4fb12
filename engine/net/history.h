/* SPDX-License-Identifier: ISC */
/** The last blocks of a stream, so that another device can take it over: what it computes anew from
 *  them is the state of the stream. */
#ifndef BSM_NET_HISTORY_H
#define BSM_NET_HISTORY_H

#include <stddef.h>

#include "bsm/config.h"
#include "bsm/status.h"

typedef struct bsm_history bsm_history;

/** What a stream consists of: one row per channel for sound, one in all for spectra. */
typedef struct bsm_history_rows {
    size_t rows;  /**< up to BSM_MAX_CHANNELS */
    size_t frame; /**< floats from frame to frame */
    size_t extra; /**< floats that the last frame has beyond that */
} bsm_history_rows;

/** Keep at least the last `kept` committed frames, in whole blocks of up to `longest` frames.
 *  @param most floats of a whole frame, of all rows, whatever the stream consists of; it is one row
 *              of them until bsm_history_begin says otherwise. BSM_NO_MEMORY. */
bsm_status bsm_history_new(size_t most, size_t kept, size_t longest, bsm_history **history,
                           bsm_error *error);
void bsm_history_free(bsm_history *history);

/** Forget all. */
void bsm_history_clear(bsm_history *history);

/** Forget all, and keep this. */
void bsm_history_begin(bsm_history *history, const bsm_history_rows *rows);

/** Add a block that has been committed; the next one starts `commit` frames later. */
void bsm_history_add(bsm_history *history, const float *const *rows, size_t frames, size_t commit);

/** A block as it was. */
typedef struct bsm_history_block {
    const float *rows[BSM_MAX_CHANNELS];
    size_t frames, commit;
} bsm_history_block;

size_t bsm_history_count(const bsm_history *history);
bsm_history_block bsm_history_at(const bsm_history *history, size_t index);

#endif
