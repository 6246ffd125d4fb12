/* SPDX-License-Identifier: ISC */
/* The vectors on the GPU: copies to and from the host, sums over processes, the gradients' norm,
 * and the optimiser's step. */
#include <math.h>
#include <string.h>

#include "training/space.h"

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

void bsm_cuda_training_upload(bsm_cuda_training *space, void *to, const void *from, size_t bytes)
{
    const size_t most = BSM_PIECE_FLOATS * sizeof(float);
    for (size_t done = 0, count; done < bytes; done += count) {
        count = min(bytes - done, most);
        bsm_gpu_wait(space->gpu); /* the piece before must have left host_piece */
        memcpy(space->host_piece, (const unsigned char *)from + done, count);
        bsm_gpu_upload(space->gpu, (unsigned char *)to + done, space->host_piece, count);
    }
    bsm_gpu_wait(space->gpu);
}

bsm_status bsm_cuda_training_read(void *opaque, bsm_training_vector vector, float *values,
                                  bsm_error *error)
{
    const bsm_cuda_training *space = opaque;
    bsm_status status = BSM_OK;
    bsm_gpu_use(space->gpu);
    for (size_t done = 0, count; done < space->places.size && !status; done += count) {
        count = min(space->places.size - done, BSM_PIECE_FLOATS);
        bsm_gpu_download(space->gpu, space->host_piece, space->vectors[vector] + done,
                         count * sizeof *values);
        bsm_gpu_wait(space->gpu);
        status = bsm_gpu_status(space->gpu, error);
        if (!status) {
            memcpy(values + done, space->host_piece, count * sizeof *values);
        }
    }
    return status;
}

bsm_status bsm_cuda_training_write(void *opaque, bsm_training_vector vector, const float *values,
                                   bsm_error *error)
{
    bsm_cuda_training *space = opaque;
    bsm_gpu_use(space->gpu);
    bsm_cuda_training_upload(space, space->vectors[vector], values,
                             space->places.size * sizeof *values);
    if (vector == BSM_PARAMETERS && space->bf16) {
        bsm_kernel_to_bf16(bsm_gpu_queue(space->gpu).stream, space->places.size,
                           space->vectors[vector], space->bf16);
    }
    return bsm_gpu_status(space->gpu, error);
}

bsm_status bsm_cuda_training_peers_join(void *opaque, const bsm_peers_id *id, size_t rank,
                                        size_t size, bsm_error *error)
{
    bsm_cuda_training *space = opaque;
    if (space->peers) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training: joined with others already");
    }
    bsm_gpu_use(space->gpu);
    return bsm_peers_join(space->gpu, id, rank, size, &space->peers, error);
}

bsm_status bsm_cuda_training_sum_gradients(void *opaque, bsm_error *error)
{
    const bsm_cuda_training *space = opaque;
    if (!space->peers) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training: not joined with others");
    }
    bsm_gpu_use(space->gpu);
    return bsm_peers_sum(space->peers, space->vectors[BSM_GRADIENTS], space->places.size, error);
}

bsm_status bsm_cuda_training_norm(void *opaque, double *norm, bsm_error *error)
{
    const bsm_cuda_training *space = opaque;
    const bsm_gpu_signals *signals = &space->signals;
    bsm_gpu_use(space->gpu);
    bsm_kernel_square_sum(bsm_gpu_queue(space->gpu), space->places.size,
                          space->vectors[BSM_GRADIENTS], signals->partial, signals->sums);
    bsm_gpu_download(space->gpu, space->host_sums, signals->sums, sizeof *signals->sums);
    bsm_gpu_wait(space->gpu);
    bsm_status status = bsm_gpu_status(space->gpu, error);
    *norm = status ? NAN : sqrt(space->host_sums[0]);
    return status;
}

bsm_status bsm_cuda_training_update(void *opaque, const bsm_adamw *step, bsm_error *error)
{
    const bsm_cuda_training *space = opaque;
    const double number = (double)step->step;
    bsm_gpu_adamw adamw = {
        .scale = (float)step->gradient_scale,
        .beta1 = (float)step->beta1,
        .share1 = (float)(1 - step->beta1),
        .beta2 = (float)step->beta2,
        .share2 = (float)(1 - step->beta2),
        .keep = (float)(1 - step->learning_rate * step->weight_decay),
        .step = (float)(step->learning_rate / (1 - pow(step->beta1, number))),
        .correct2 = (float)(1 / sqrt(1 - pow(step->beta2, number))),
        .epsilon = (float)step->epsilon,
        .ema_share = (float)(1 - step->ema),
        .count = space->places.size,
        .weights = space->vectors[BSM_PARAMETERS],
        .gradients = space->vectors[BSM_GRADIENTS],
        .first = space->vectors[BSM_FIRST_MOMENTS],
        .second = space->vectors[BSM_SECOND_MOMENTS],
        .average = space->vectors[BSM_AVERAGES],
        .values = space->bf16,
    };
    bsm_gpu_use(space->gpu);
    bsm_kernel_adamw(bsm_gpu_queue(space->gpu), &adamw);
    return bsm_gpu_status(space->gpu, error);
}
