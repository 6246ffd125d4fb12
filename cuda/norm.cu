/* SPDX-License-Identifier: ISC */
/* Norms of rows, with one warp per row. */
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

/* The index of this warp in the grid, which is the row that it handles. */
__device__ static uint32_t warp_index()
{
    return blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
}

/* Numbers are loaded and stored V at a time; V divides the length of a row. */
template <class T, uint32_t V> __global__ void rms_norm(bsm_rms_norm n)
{
    const uint32_t r = warp_index();
    if (r >= n.rows.batches * n.rows.per) {
        return;
    }
    const float *x = n.x + bsm_row_of(n.rows, r) * n.dim;
    T *u = (T *)n.u + (size_t)r * n.dim;
    const float factor = 1.0f / sqrtf(square_sum(n.dim, x) / (float)n.dim + 1e-5f);
    for (uint32_t i = threadIdx.x % BSM_WARP * V; i < n.dim; i += BSM_WARP * V) {
        float numbers[V], normal[V];
        bsm_load<V>(x + i, numbers);
        BSM_UNROLL
        for (uint32_t k = 0; k < V; k++) {
            normal[k] = numbers[k] * factor * (n.weight ? n.weight[i + k] : 1.0f);
        }
        bsm_store<V>(u + i, normal);
    }
}

__device__ static float row_factor(const bsm_join &j, uint32_t r)
{
    float square = 0;
    for (uint32_t h = threadIdx.x % BSM_WARP; h < j.heads; h += BSM_WARP) {
        square += j.squares[(size_t)r * j.heads + h];
    }
    return 1.0f / sqrtf(bsm_warp_sum(square) / (float)j.inner + 1e-5f);
}

template <class T, uint32_t V> __global__ void join(bsm_join j)
{
    const uint32_t r = warp_index(), lane = threadIdx.x % BSM_WARP;
    if (r >= j.rows.batches * j.rows.per) {
        return;
    }
    const float factor = j.squares ? row_factor(j, r) : 1.0f;
    const size_t row = bsm_row_of(j.rows, r);
    float *x = j.x + row * j.dim;
    T *joined = (T *)j.joined + row * j.joined_stride;
    for (uint32_t i = lane * V; i < j.dim; i += BSM_WARP * V) {
        float numbers[V], mixed[V];
        bsm_load<V>(x + i, numbers);
        bsm_load<V>((const T *)j.mixed + (size_t)r * j.dim + i, mixed);
        BSM_UNROLL
        for (uint32_t k = 0; k < V; k++) {
            mixed[k] = numbers[k] + factor * mixed[k];
            numbers[k] += j.bias ? j.bias[i + k] : 0.0f;
        }
        bsm_store<V>(joined + i, mixed);
        if (j.bias) {
            bsm_store<V>(x + i, numbers);
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

/* If the length of a row is a multiple of four, its numbers are moved four at a time. */
template <class T> static void rms_norm_of(bsm_kernel_queue queue, const bsm_rms_norm &norm)
{
    const bsm_rms_norm n = norm;
    if (n.dim % 4 == 0) {
        BSM_LAUNCH((rms_norm<T, 4>), warps_for(n.rows), THREADS, queue.stream, n);
    } else {
        BSM_LAUNCH((rms_norm<T, 1>), warps_for(n.rows), THREADS, queue.stream, n);
    }
}

void bsm_kernel_rms_norm(bsm_kernel_queue queue, const bsm_rms_norm *norm)
{
    if (queue.bf16) {
        rms_norm_of<bsm_bf16>(queue, *norm);
    } else {
        rms_norm_of<float>(queue, *norm);
    }
}

template <class T> static void join_of(bsm_kernel_queue queue, const bsm_join &join_)
{
    const bsm_join j = join_;
    if (j.dim % 4 == 0) {
        BSM_LAUNCH((join<T, 4>), warps_for(j.rows), THREADS, queue.stream, j);
    } else {
        BSM_LAUNCH((join<T, 1>), warps_for(j.rows), THREADS, queue.stream, j);
    }
}

void bsm_kernel_join(bsm_kernel_queue queue, const bsm_join *join_)
{
    if (queue.bf16) {
        join_of<bsm_bf16>(queue, *join_);
    } else {
        join_of<float>(queue, *join_);
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
