/* SPDX-License-Identifier: ISC */
/* Norms of rows: a warp for each. */
#include "steps.h"
#include "value.h"

enum { THREADS = 128 };

__device__ static float square_sum(uint32_t dim, const float *x)
{
    float sum = 0;
    for (uint32_t i = threadIdx.x % BSM_WARP; i < dim; i += BSM_WARP) {
        sum += x[i] * x[i];
    }
    return bsm_warp_sum(sum);
}

/* This warp's row of all of the grid's. */
__device__ static uint32_t warp_index()
{
    return blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
}

template <class T> __global__ void rms_norm(bsm_rms_norm n)
{
    const uint32_t r = warp_index();
    if (r >= n.rows.batches * n.rows.per) {
        return;
    }
    const size_t row = bsm_row_of(n.rows, r);
    float *x = n.x + row * n.dim;
    T *u = (T *)n.u + (size_t)r * n.dim;
    T *joined = (T *)n.joined + row * n.joined_stride;
    const float factor = 1.0f / sqrtf(square_sum(n.dim, x) / (float)n.dim + 1e-5f);
    for (uint32_t i = threadIdx.x % BSM_WARP; i < n.dim; i += BSM_WARP) {
        const float value = x[i];
        u[i] = bsm_value<T>::from(value * factor * n.weight[i]);
        if (n.joined) {
            joined[i] = bsm_value<T>::from(value);
        }
        if (n.bias) {
            x[i] = value + n.bias[i];
        }
    }
}

template <class T> __global__ void l2_norm(bsm_l2_norm n)
{
    const uint32_t r = warp_index();
    if (r >= n.rows.batches * n.rows.per) {
        return;
    }
    const float *x = n.x + bsm_row_of(n.rows, r) * n.dim;
    T *u = (T *)n.u + (size_t)r * n.dim;
    const float norm = sqrtf(square_sum(n.dim, x));
    const float factor = sqrtf((float)n.dim) / fmaxf(norm, 1e-12f);
    for (uint32_t i = threadIdx.x % BSM_WARP; i < n.dim; i += BSM_WARP) {
        u[i] = bsm_value<T>::from(x[i] * factor * n.gamma[i]);
    }
}

static unsigned int warps_for(const bsm_rows &rows)
{
    return bsm_blocks_for((size_t)rows.batches * rows.per, THREADS / BSM_WARP);
}

void bsm_kernel_rms_norm(bsm_kernel_queue queue, const bsm_rms_norm *norm)
{
    const bsm_rms_norm n = *norm;
    if (queue.bf16) {
        BSM_LAUNCH(rms_norm<bsm_bf16>, warps_for(n.rows), THREADS, queue.stream, n);
    } else {
        BSM_LAUNCH(rms_norm<float>, warps_for(n.rows), THREADS, queue.stream, n);
    }
}

void bsm_kernel_l2_norm(bsm_kernel_queue queue, const bsm_l2_norm *norm)
{
    const bsm_l2_norm n = *norm;
    if (queue.bf16) {
        BSM_LAUNCH(l2_norm<bsm_bf16>, warps_for(n.rows), THREADS, queue.stream, n);
    } else {
        BSM_LAUNCH(l2_norm<float>, warps_for(n.rows), THREADS, queue.stream, n);
    }
}
