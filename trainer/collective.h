/* SPDX-License-Identifier: ISC */
/** The processes that train together: several over MPI, or only this one.
 *
 *  Every process calls the same functions in the same order, from its main thread. */
#ifndef BSM_TRAINER_COLLECTIVE_H
#define BSM_TRAINER_COLLECTIVE_H

#include <stddef.h>

#include "bsm/status.h"

typedef struct bsm_collective {
    size_t rank;  /**< this process's rank, from 0 */
    size_t size;  /**< the number of processes */
    size_t here;  /**< how many of them are on this machine */
    size_t place; /**< this process's rank among those, from 0 */
} bsm_collective;

/** Join the others if an MPI launcher started this process. BSM_UNSUPPORTED if it did and this
 *  build has no MPI; BSM_IO. */
BSM_NODISCARD bsm_status bsm_collective_start(bsm_collective *collective, bsm_error *error);

/** Leave; waits until all processes have called it. */
void bsm_collective_end(const bsm_collective *collective);

/** End all processes with this exit status. Returns if this process is the only one. */
void bsm_collective_abort(const bsm_collective *collective, int status);

/** Replace values by their sums over all processes. BSM_IO: a process was lost. */
BSM_NODISCARD bsm_status bsm_collective_sum(const bsm_collective *collective, double *values,
                                            size_t count, bsm_error *error);
BSM_NODISCARD bsm_status bsm_collective_sum_floats(const bsm_collective *collective, float *values,
                                                   size_t count, bsm_error *error);

/** Copy the first process's bytes, fewer than 2^31, to all processes. BSM_IO: a process was
 *  lost. */
BSM_NODISCARD bsm_status bsm_collective_share(const bsm_collective *collective, void *bytes,
                                              size_t size, bsm_error *error);

#endif
