/* SPDX-License-Identifier: ISC */
/** A signal that is read ahead of its use, by a thread of its own. */
#ifndef BSM_FILE_READ_AHEAD_H
#define BSM_FILE_READ_AHEAD_H

#include "signal/sample_queue.h"
#include "signal/signal.h"

typedef struct bsm_read_ahead bsm_read_ahead;

/** Begin to read `signal`, which is left to the thread until this is freed, up to `samples` per
 *  channel ahead. What its reading leaves in `beside`, if that is not NULL, goes along. Messages
 * begin with `name`. BSM_NO_MEMORY; BSM_IO: no thread. */
BSM_NODISCARD bsm_status bsm_read_ahead_new(bsm_signal signal, size_t channels,
                                            bsm_sample_queue *beside, size_t samples,
                                            const char *name, bsm_read_ahead **ahead,
                                            bsm_error *error);
void bsm_read_ahead_free(bsm_read_ahead *ahead);

/** The same signal, from what has been read. An error of it comes when all before it has been
 *  given. */
bsm_signal bsm_read_ahead_signal(bsm_read_ahead *ahead);

/** Take what has come along, at the least with what has been read of the signal. */
BSM_NODISCARD bsm_status bsm_read_ahead_take_beside(bsm_read_ahead *ahead, bsm_sample_queue *queue,
                                                    bsm_error *error);

#endif
