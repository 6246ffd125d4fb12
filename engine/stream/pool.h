/* SPDX-License-Identifier: ISC */
/** One thread that computes for all streams of a process, in the order in which they ask.
 *
 *  It shares the work of each block among the process's team (base/team.h). If each stream's worker
 *  computed by itself, all would fight for the same cores at once. */
#ifndef BSM_STREAM_POOL_H
#define BSM_STREAM_POOL_H

#include "bsm/status.h"

/** Keep the pool's thread until bsm_pool_leave; the first to join starts it. BSM_NO_MEMORY. */
bsm_status bsm_pool_join(bsm_error *error);
void bsm_pool_leave(void);

/** Run `job(user)` in the pool's thread when all who asked before have had their turn, and return
 *  when it is done. Not from within a job, and not for the audio thread. */
void bsm_pool_run(void (*job)(void *user), void *user);

#endif
