/* SPDX-License-Identifier: ISC */
/* The CUDA device's table of training functions. */
#include "training/training.h"

#include "peers.h"
#include "training/space.h"

static void wait(void *opaque)
{
    const bsm_cuda_training *space = opaque;
    bsm_gpu_use(space->gpu);
    bsm_gpu_wait(space->gpu);
}

const bsm_training_device bsm_cuda_training_table = {
    .plan = bsm_cuda_training_plan,
    .space_new = bsm_cuda_training_new,
    .space_free = bsm_cuda_training_free,
    .read = bsm_cuda_training_read,
    .write = bsm_cuda_training_write,
    .load = bsm_cuda_training_load,
    .band_split = bsm_cuda_training_band_split,
    .path = bsm_cuda_training_path,
    .mask = bsm_cuda_training_mask,
    .loss = bsm_cuda_training_loss,
    .mask_backward = bsm_cuda_training_mask_backward,
    .path_backward = bsm_cuda_training_path_backward,
    .band_split_backward = bsm_cuda_training_band_split_backward,
    .wait = wait,
    .peers_describe = bsm_peers_describe,
    .peers_id = bsm_peers_new_id,
    .peers_join = bsm_cuda_training_peers_join,
    .sum_gradients = bsm_cuda_training_sum_gradients,
    .norm = bsm_cuda_training_norm,
    .update = bsm_cuda_training_update,
};
