/* SPDX-License-Identifier: ISC */
/* The gate and its norm, with one warp per row. */
#include "exec.h"
#include "kernels.h"
#include "value.h"

/* KEPT: gated numbers that a lane keeps in registers between the norm's sum and the output. The
 * further numbers of longer rows are computed twice. */
enum { THREADS = 128, KEPT = 32 };

template <class T, uint32_t V> struct gate_row {
    const T *y, *z;

    /* Gate V numbers from `i` on. */
    __device__ void gate(uint32_t i, float *gated) const
    {
        float gates[V];
        bsm_load<V>(y + i, gated);
        bsm_load<V>(z + i, gates);
        BSM_UNROLL
        for (uint32_t k = 0; k < V; k++) {
            gated[k] *= bsm_silu_of<T>(gates[k]);
        }
    }
};

template <uint32_t V> __device__ float square_sum(const float *numbers)
{
    float sum = 0;
    BSM_UNROLL
    for (uint32_t k = 0; k < V; k++) {
        sum += numbers[k] * numbers[k];
    }
    return sum;
}

template <class T, uint32_t V>
__device__ void store_normal(const bsm_gate &g, uint32_t i, const float *gated, float factor,
                             T *row)
{
    float numbers[V];
    BSM_UNROLL
    for (uint32_t k = 0; k < V; k++) {
        numbers[k] = gated[k] * factor * (g.weight ? g.weight[i + k] : 1.0f);
    }
    bsm_store<V>(row + i, numbers);
}

/* Numbers are loaded and stored V at a time; V divides the length of a row. */
template <class T, uint32_t V> __global__ void gate(bsm_gate g)
{
    const uint32_t r = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    if (r >= g.rows) {
        return;
    }
    const uint32_t inner = bsm_shape_inner(g.shape), first = threadIdx.x % BSM_WARP * V;
    const gate_row<T, V> row = {(const T *)g.y + (size_t)r * inner,
                                (const T *)g.zxBC + (size_t)r * bsm_shape_zxBC(g.shape)};
    float kept[KEPT] = {}, more[V], sum = 0;
    BSM_UNROLL
    for (uint32_t k = 0; k < KEPT; k += V) {
        if (first + k * BSM_WARP < inner) {
            row.gate(first + k * BSM_WARP, kept + k);
        }
    }
    sum += square_sum<KEPT>(kept);
    for (uint32_t i = first + KEPT * BSM_WARP; i < inner; i += V * BSM_WARP) {
        row.gate(i, more);
        sum += square_sum<V>(more);
    }
    const float factor = 1.0f / sqrtf(bsm_warp_sum(sum) / (float)inner + 1e-5f);
    T *out = (T *)g.out + (size_t)r * inner;
    BSM_UNROLL
    for (uint32_t k = 0; k < KEPT; k += V) {
        const uint32_t i = first + k * BSM_WARP;
        if (i < inner) {
            store_normal<T, V>(g, i, kept + k, factor, out);
        }
    }
    for (uint32_t i = first + KEPT * BSM_WARP; i < inner; i += V * BSM_WARP) {
        row.gate(i, more);
        store_normal<T, V>(g, i, more, factor, out);
    }
}

template <class T> static void choose_width(bsm_kernel_queue queue, const bsm_gate &gate_)
{
    const bsm_gate g = gate_;
    const unsigned int blocks = bsm_blocks_for(g.rows, THREADS / BSM_WARP);
    if (bsm_shape_inner(g.shape) % 4 == 0 && bsm_shape_zxBC(g.shape) % 4 == 0) {
        BSM_LAUNCH((gate<T, 4>), blocks, THREADS, queue.stream, g);
    } else {
        BSM_LAUNCH((gate<T, 1>), blocks, THREADS, queue.stream, g);
    }
}

void bsm_kernel_gate(bsm_kernel_queue queue, const bsm_gate *gate_)
{
    if (queue.bf16) {
        choose_width<bsm_bf16>(queue, *gate_);
    } else {
        choose_width<float>(queue, *gate_);
    }
}
