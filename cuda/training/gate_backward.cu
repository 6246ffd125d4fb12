/* SPDX-License-Identifier: ISC */
/* The gate and its norm backward: first two numbers for each row, then everything from them. V
 * numbers are moved at a time, of which a row has a multiple. */
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128, FLAT_THREADS = 256 };

/* V numbers of a row, and their gradients. */
template <class T, uint32_t V> struct gate_numbers {
    float y[V], z[V], d[V], weight[V];

    __device__ gate_numbers(const bsm_gate_backward &g, uint32_t r, uint32_t i)
    {
        const size_t at = (size_t)r * bsm_shape_inner(g.shape) + i;
        bsm_load<V>((const T *)g.y + at, y);
        bsm_load<V>((const T *)g.zxBC + (size_t)r * bsm_shape_zxBC(g.shape) + i, z);
        bsm_load<V>((const T *)g.gradient + at, d);
        bsm_load<V>(g.weight + i, weight);
    }
};

/* A warp for each row. */
template <class T, uint32_t V> __global__ void scalars(bsm_gate_backward g)
{
    const uint32_t r = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    const uint32_t lane = threadIdx.x % BSM_WARP, inner = bsm_shape_inner(g.shape);
    if (r >= g.rows) {
        return;
    }
    float square = 0, along = 0;
    for (uint32_t i = lane * V; i < inner; i += BSM_WARP * V) {
        const gate_numbers<T, V> n(g, r, i);
        BSM_UNROLL
        for (uint32_t k = 0; k < V; k++) {
            const float gated = n.y[k] * n.z[k] * bsm_sigmoid_of<T>(n.z[k]);
            square += gated * gated;
            along += gated * n.d[k] * n.weight[k];
        }
    }
    square = bsm_warp_sum(square);
    along = bsm_warp_sum(along);
    if (lane == 0) {
        const float factor = 1.0f / sqrtf(square / (float)inner + 1e-5f);
        g.scalars[2 * (size_t)r] = factor;
        g.scalars[2 * (size_t)r + 1] = factor * factor * factor / (float)inner * along;
    }
}

/* Adds the row's shares of the gradients by the weights. */
template <class T, uint32_t V>
__device__ void gate_row(const bsm_gate_backward &g, uint32_t r, uint32_t i, float *by_weight)
{
    const size_t at = (size_t)r * bsm_shape_inner(g.shape) + i;
    const float factor = g.scalars[2 * (size_t)r], along = g.scalars[2 * (size_t)r + 1];
    const gate_numbers<T, V> n(g, r, i);
    float d_y[V], d_z[V], normal[V];
    BSM_UNROLL
    for (uint32_t k = 0; k < V; k++) {
        const float s = bsm_sigmoid_of<T>(n.z[k]), silu = n.z[k] * s, gated = n.y[k] * silu;
        const float d_gated = factor * n.weight[k] * n.d[k] - along * gated;
        d_y[k] = d_gated * silu;
        d_z[k] = d_gated * n.y[k] * s * (1.0f + n.z[k] * (1.0f - s));
        normal[k] = gated * factor * n.weight[k];
        by_weight[k] += n.d[k] * gated * factor;
    }
    bsm_store<V>((T *)g.gradient + at, d_y);
    bsm_store<V>((T *)g.gated + at, normal);
    /* Rows of these may begin anywhere. */
    T *to = (T *)g.d_zxbcdt + (size_t)r * bsm_shape_projected(g.shape) + i;
    BSM_UNROLL
    for (uint32_t k = 0; k < V; k++) {
        to[k] = bsm_value<T>::from(d_z[k]);
    }
}

/* A thread for each V columns of a piece. */
template <class T, uint32_t V> __global__ void columns(bsm_gate_backward g)
{
    const size_t index = ((size_t)blockIdx.x * blockDim.x + threadIdx.x) * V;
    const uint32_t inner = bsm_shape_inner(g.shape), piece = (uint32_t)(index / inner);
    const uint32_t i = (uint32_t)(index % inner);
    if (piece >= bsm_pieces_of(g.rows)) {
        return;
    }
    float sums[V] = {};
    for (uint32_t r = piece * BSM_PIECE_ROWS; r < (piece + 1) * BSM_PIECE_ROWS && r < g.rows; r++) {
        gate_row<T, V>(g, r, i, sums);
    }
    bsm_store<V>(g.partial + index, sums);
}

template <class T, uint32_t V>
static void gate_backward(bsm_kernel_queue queue, const bsm_gate_backward &gate)
{
    const bsm_gate_backward g = gate;
    const size_t count = (size_t)bsm_pieces_of(g.rows) * bsm_shape_inner(g.shape) / V;
    BSM_LAUNCH((scalars<T, V>), bsm_blocks_for(g.rows, THREADS / BSM_WARP), THREADS, queue.stream,
               g);
    BSM_LAUNCH_FLAT((columns<T, V>), bsm_blocks_for(count, FLAT_THREADS), FLAT_THREADS,
                    queue.stream, g);
}

template <class T> static void choose_width(bsm_kernel_queue queue, const bsm_gate_backward &gate)
{
    if (bsm_shape_inner(gate.shape) % 2 == 0) {
        gate_backward<T, 2>(queue, gate);
    } else {
        gate_backward<T, 1>(queue, gate);
    }
}

void bsm_kernel_gate_backward(bsm_kernel_queue queue, const bsm_gate_backward *gate)
{
    if (queue.bf16) {
        choose_width<bsm_bf16>(queue, *gate);
    } else {
        choose_width<float>(queue, *gate);
    }
}
