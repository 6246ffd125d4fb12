/* SPDX-License-Identifier: ISC */
/* Computes the sum of squares that the gradients' norm needs, and AdamW for all weights at once. */
#include "training/block_sum.h"

enum { THREADS = 256 };

static __global__ void square_sum(size_t count, const float *values, double *partial)
{
    double sum = 0;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        sum += (double)values[i] * (double)values[i];
    }
    sum = bsm_block_sum(sum);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = sum;
    }
}

void bsm_kernel_square_sum(bsm_kernel_queue queue, size_t count, const float *values,
                           double *partial, double *sum)
{
    const unsigned int blocks = bsm_reducing_blocks(count);
    BSM_LAUNCH(square_sum, blocks, BSM_REDUCING_THREADS, queue.stream, count, values, partial);
    BSM_LAUNCH(bsm_sum_blocks, 1, BSM_REDUCING_THREADS, queue.stream, blocks, partial, sum);
}

static __global__ void adamw(bsm_gpu_adamw a)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= a.count) {
        return;
    }
    const float g = a.scale * a.gradients[i];
    const float first = a.beta1 * a.first[i] + a.share1 * g;
    const float second = a.beta2 * a.second[i] + a.share2 * g * g;
    const float size = sqrtf(second) * a.correct2 + a.epsilon;
    const float weight = a.keep * a.weights[i] - a.step * first / size;
    a.first[i] = first;
    a.second[i] = second;
    a.weights[i] = weight;
    a.average[i] += a.ema_share * (weight - a.average[i]);
    a.gradients[i] = 0;
    if (a.values) {
        ((bsm_bf16 *)a.values)[i] = bsm_value<bsm_bf16>::from(weight);
    }
}

void bsm_kernel_adamw(bsm_kernel_queue queue, const bsm_gpu_adamw *adamw_)
{
    const bsm_gpu_adamw a = *adamw_;
    BSM_LAUNCH_FLAT(adamw, bsm_blocks_for(a.count, THREADS), THREADS, queue.stream, a);
}
