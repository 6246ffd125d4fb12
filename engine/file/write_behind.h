/* SPDX-License-Identifier: ISC */
/** Samples that are written by a thread of their own, while the next ones are computed. */
#ifndef BSM_FILE_WRITE_BEHIND_H
#define BSM_FILE_WRITE_BEHIND_H

#include "signal/sample_queue.h"

typedef struct bsm_write_behind bsm_write_behind;

/** Takes samples to where they belong, a plane per channel. */
typedef bsm_status bsm_write_fn(void *user, float *const *audio, size_t count, bsm_error *error);

/** Begin a thread that hands what is added to `write`, up to `samples` per channel later. It finds
 *  what was added beside it in `beside`, which is the thread's until this has finished. Messages
 *  begin with `name`. BSM_NO_MEMORY; BSM_IO: no thread. */
BSM_NODISCARD bsm_status bsm_write_behind_new(bsm_write_fn *write, void *user, size_t channels,
                                              bsm_sample_queue *beside, size_t samples,
                                              const char *name, bsm_write_behind **behind,
                                              bsm_error *error);

/** Gives up what has not been written yet. */
void bsm_write_behind_free(bsm_write_behind *behind);

/** Add samples, and beside them all that waits in `beside`, if that is not NULL. What `write` says
 * against it, of these samples or of earlier ones. */
BSM_NODISCARD bsm_status bsm_write_behind_add(bsm_write_behind *behind, float *const *audio,
                                              size_t count, bsm_sample_queue *beside,
                                              bsm_error *error);

/** Wait until all has been written. Nothing may be added then. */
BSM_NODISCARD bsm_status bsm_write_behind_finish(bsm_write_behind *behind, bsm_error *error);

#endif
