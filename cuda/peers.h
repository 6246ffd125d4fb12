/* SPDX-License-Identifier: ISC */
/** Sums over the GPUs of several processes with one GPU each, by NCCL. */
#ifndef BSM_CUDA_PEERS_H
#define BSM_CUDA_PEERS_H

#include "bsm/training.h"
#include "gpu.h"

typedef struct bsm_peers bsm_peers;

/** As the functions of the same names in bsm/training.h. */
bsm_status bsm_peers_describe(char *text, size_t size, bsm_error *error);
bsm_status bsm_peers_new_id(bsm_peers_id *id, bsm_error *error);

/** Join the other processes. `gpu` must be current for the calling thread, and must outlive
 *  `peers`. */
bsm_status bsm_peers_join(bsm_gpu *gpu, const bsm_peers_id *id, size_t rank, size_t size,
                          bsm_peers **peers, bsm_error *error);

/** Replace values on the GPU by their sums over all processes, after the work that is queued, and
 *  wait for the result. BSM_IO: another process was lost, and no further sum is possible.
 *  BSM_DEVICE_FAILED. */
bsm_status bsm_peers_sum(bsm_peers *peers, float *values, size_t count, bsm_error *error);

/** Leave the other processes without waiting for them. NULL is allowed. */
void bsm_peers_leave(bsm_peers *peers);

#endif
