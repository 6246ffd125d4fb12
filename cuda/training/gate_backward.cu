/* SPDX-License-Identifier: ISC */
/* The gate and its norm backward: first two numbers for each row, then everything from them. */
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128, FLAT_THREADS = 256 };

/* One number of a row, and its gradient. */
struct gate_number {
    float y, z, sigmoid, gated, d;
};

template <class T>
__device__ gate_number number_at(const bsm_gate_backward &g, uint32_t r, uint32_t i)
{
    const size_t inner = bsm_shape_inner(g.shape), at = r * inner + i;
    gate_number n;
    n.y = bsm_value<T>::to_float(((const T *)g.y)[at]);
    n.z = bsm_value<T>::to_float(((const T *)g.zxBC)[(size_t)r * bsm_shape_zxBC(g.shape) + i]);
    n.d = bsm_value<T>::to_float(((const T *)g.gradient)[at]);
    n.sigmoid = bsm_sigmoid(n.z);
    n.gated = n.y * n.z * n.sigmoid;
    return n;
}

/* A warp for each row. */
template <class T> __global__ void scalars(bsm_gate_backward g)
{
    const uint32_t r = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    const uint32_t lane = threadIdx.x % BSM_WARP, inner = bsm_shape_inner(g.shape);
    if (r >= g.rows) {
        return;
    }
    float square = 0, along = 0;
    for (uint32_t i = lane; i < inner; i += BSM_WARP) {
        const gate_number n = number_at<T>(g, r, i);
        square += n.gated * n.gated;
        along += n.gated * n.d * g.weight[i];
    }
    square = bsm_warp_sum(square);
    along = bsm_warp_sum(along);
    if (lane == 0) {
        const float factor = 1.0f / sqrtf(square / (float)inner + 1e-5f);
        g.scalars[2 * (size_t)r] = factor;
        g.scalars[2 * (size_t)r + 1] = factor * factor * factor / (float)inner * along;
    }
}

/* Returns the row's share of the gradient by the weight. */
template <class T> __device__ float gate_value(const bsm_gate_backward &g, uint32_t r, uint32_t i)
{
    const size_t at = (size_t)r * bsm_shape_inner(g.shape) + i;
    const float factor = g.scalars[2 * (size_t)r], along = g.scalars[2 * (size_t)r + 1];
    const gate_number n = number_at<T>(g, r, i);
    const float d_gated = factor * g.weight[i] * n.d - along * n.gated;
    ((T *)g.gradient)[at] = bsm_value<T>::from(d_gated * n.z * n.sigmoid);
    ((T *)g.gated)[at] = bsm_value<T>::from(n.gated * factor * g.weight[i]);
    ((T *)g.d_zxbcdt)[(size_t)r * bsm_shape_projected(g.shape) + i] =
        bsm_value<T>::from(d_gated * n.y * n.sigmoid * (1.0f + n.z * (1.0f - n.sigmoid)));
    return n.d * n.gated * factor;
}

/* A thread for each column of a piece. */
template <class T> __global__ void columns(bsm_gate_backward g)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t inner = bsm_shape_inner(g.shape), piece = (uint32_t)(index / inner);
    const uint32_t i = (uint32_t)(index % inner);
    if (piece >= bsm_pieces_of(g.rows)) {
        return;
    }
    float sum = 0;
    for (uint32_t r = piece * BSM_PIECE_ROWS; r < (piece + 1) * BSM_PIECE_ROWS && r < g.rows; r++) {
        sum += gate_value<T>(g, r, i);
    }
    g.partial[index] = sum;
}

template <class T> static void gate_backward(bsm_kernel_queue queue, const bsm_gate_backward &gate)
{
    const bsm_gate_backward g = gate;
    const size_t count = (size_t)bsm_pieces_of(g.rows) * bsm_shape_inner(g.shape);
    BSM_LAUNCH(scalars<T>, bsm_blocks_for(g.rows, THREADS / BSM_WARP), THREADS, queue.stream, g);
    BSM_LAUNCH_FLAT(columns<T>, bsm_blocks_for(count, FLAT_THREADS), FLAT_THREADS, queue.stream, g);
}

void bsm_kernel_gate_backward(bsm_kernel_queue queue, const bsm_gate_backward *gate)
{
    if (queue.bf16) {
        gate_backward<bsm_bf16>(queue, *gate);
    } else {
        gate_backward<float>(queue, *gate);
    }
}
