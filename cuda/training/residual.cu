/* SPDX-License-Identifier: ISC */
/* Computes what bypasses a mixer: the residual, with dropout of the mixer's output, and the merge's
 * bias. */
#include "device/dropout.h"
#include "steps.h"
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 256 };

static __global__ void add_bias(bsm_add_bias a)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < (size_t)a.rows * a.dim) {
        a.out[i] = a.x[i] + a.bias[i % a.dim];
    }
}

void bsm_kernel_add_bias(bsm_kernel_queue queue, const bsm_add_bias *add)
{
    const bsm_add_bias a = *add;
    BSM_LAUNCH_FLAT(add_bias, bsm_blocks_for((size_t)a.rows * a.dim, THREADS), THREADS,
                    queue.stream, a);
}

/* The factor by which dropout multiplies a feature of row `row` of x, which is [band][frame]. */
__device__ static float kept(const bsm_gpu_dropout &d, size_t row, uint32_t dim, uint32_t feature)
{
    if (!(d.p > 0)) {
        return 1;
    }
    const size_t step = d.along_bands ? row % d.frames * d.bands + row / d.frames : row;
    return bsm_dropout_factor(d.key, step * dim + feature, d.p);
}

template <class T> __global__ void residual(bsm_residual r)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)r.rows.batches * r.rows.per * r.dim) {
        return;
    }
    const uint32_t i = (uint32_t)(index % r.dim);
    const size_t row = bsm_row_of(r.rows, (uint32_t)(index / r.dim));
    const float value = r.x[row * r.dim + i] + kept(r.dropout, row, r.dim, i) * r.mixed[index];
    ((T *)r.pair)[(2 * row + r.direction) * r.dim + i] = bsm_value<T>::from(value);
}

void bsm_kernel_residual(bsm_kernel_queue queue, const bsm_residual *residual_)
{
    const bsm_residual r = *residual_;
    const unsigned int blocks =
        bsm_blocks_for((size_t)r.rows.batches * r.rows.per * r.dim, THREADS);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(residual<bsm_bf16>, blocks, THREADS, queue.stream, r);
    } else {
        BSM_LAUNCH_FLAT(residual<float>, blocks, THREADS, queue.stream, r);
    }
}

template <class T> __global__ void residual_backward(bsm_residual_backward r)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)r.rows.batches * r.rows.per * r.dim) {
        return;
    }
    const uint32_t i = (uint32_t)(index % r.dim);
    const size_t row = bsm_row_of(r.rows, (uint32_t)(index / r.dim));
    const float d = r.d_pair[(2 * row + r.direction) * r.dim + i];
    r.d_x[row * r.dim + i] += d;
    ((T *)r.d_mixed)[index] = bsm_value<T>::from(kept(r.dropout, row, r.dim, i) * d);
}

void bsm_kernel_residual_backward(bsm_kernel_queue queue, const bsm_residual_backward *residual_)
{
    const bsm_residual_backward r = *residual_;
    const unsigned int blocks =
        bsm_blocks_for((size_t)r.rows.batches * r.rows.per * r.dim, THREADS);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(residual_backward<bsm_bf16>, blocks, THREADS, queue.stream, r);
    } else {
        BSM_LAUNCH_FLAT(residual_backward<float>, blocks, THREADS, queue.stream, r);
    }
}
