/* SPDX-License-Identifier: ISC */
/** Sums over the GPUs of several processes, each with one GPU, by NCCL. */
#ifndef BSM_CUDA_PEERS_H
#define BSM_CUDA_PEERS_H

#include "bsm/training.h"
#include "gpu.h"

typedef struct bsm_peers bsm_peers;

/** As the functions of these names in bsm/training.h. */
bsm_status bsm_peers_describe(char *text, size_t size, bsm_error *error);
bsm_status bsm_peers_new_id(bsm_peers_id *id, bsm_error *error);

/** Join the others; `GPU` is the calling thread's and outlives what is made. */
bsm_status bsm_peers_join(bsm_gpu *gpu, const bsm_peers_id *id, size_t rank, size_t size,
                          bsm_peers **peers, bsm_error *error);

/** Replace values on the GPU by their sums over all, behind what is queued, and wait for it.
 *  BSM_IO: another one is lost; after that nothing more can be summed. BSM_DEVICE_FAILED. */
bsm_status bsm_peers_sum(bsm_peers *peers, float *values, size_t count, bsm_error *error);

/** NULL is allowed. Does not wait for the others. */
void bsm_peers_leave(bsm_peers *peers);

#endif
