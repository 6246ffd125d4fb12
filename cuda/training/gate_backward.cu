/* SPDX-License-Identifier: ISC */
/* The gate and its norm backward: first two numbers for each row, then everything from them. */
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128, FLAT_THREADS = 256 };

__device__ static const float *z_of(const bsm_gate_backward &g, uint32_t r)
{
    return g.zxbcdt + (size_t)r * bsm_shape_projected(g.shape);
}

/* A warp for each row. */
static __global__ void scalars(bsm_gate_backward g)
{
    const uint32_t r = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    const uint32_t lane = threadIdx.x % BSM_WARP, inner = bsm_shape_inner(g.shape);
    if (r >= g.rows) {
        return;
    }
    const float *y = g.y + (size_t)r * inner, *z = z_of(g, r);
    const float *d = g.gradient + (size_t)r * inner;
    float square = 0, along = 0;
    for (uint32_t i = lane; i < inner; i += BSM_WARP) {
        const float gated = y[i] * bsm_silu(z[i]);
        square += gated * gated;
        along += gated * d[i] * g.weight[i];
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
    const size_t inner = bsm_shape_inner(g.shape), at = r * inner + i;
    const float factor = g.scalars[2 * (size_t)r], along = g.scalars[2 * (size_t)r + 1];
    const float y = g.y[at], z = z_of(g, r)[i], d = g.gradient[at];
    const float s = bsm_sigmoid(z), gated = y * z * s;
    const float d_gated = factor * g.weight[i] * d - along * gated;
    g.gradient[at] = d_gated * z * s;
    ((T *)g.gated)[at] = bsm_value<T>::from(gated * factor * g.weight[i]);
    ((T *)g.d_zxbcdt)[(size_t)r * bsm_shape_projected(g.shape) + i] =
        bsm_value<T>::from(d_gated * y * s * (1.0f + z * (1.0f - s)));
    return d * gated * factor;
}

/* A thread for each column of a piece. */
template <class T> __global__ void columns(bsm_gate_backward g)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t inner = bsm_shape_inner(g.shape), piece = (uint32_t)(index / inner);
    if (piece >= bsm_pieces_of(g.rows)) {
        return;
    }
    float sum = 0;
    for (uint32_t r = piece * BSM_PIECE_ROWS; r < (piece + 1) * BSM_PIECE_ROWS && r < g.rows; r++) {
        sum += gate_value<T>(g, r, (uint32_t)(index % inner));
    }
    g.partial[index] = sum;
}

void bsm_kernel_gate_backward(bsm_kernel_queue queue, const bsm_gate_backward *gate)
{
    const bsm_gate_backward g = *gate;
    const size_t count = (size_t)bsm_pieces_of(g.rows) * bsm_shape_inner(g.shape);
    const unsigned int blocks = bsm_blocks_for(count, FLAT_THREADS);
    BSM_LAUNCH(scalars, bsm_blocks_for(g.rows, THREADS / BSM_WARP), THREADS, queue.stream, g);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(columns<bsm_bf16>, blocks, FLAT_THREADS, queue.stream, g);
    } else {
        BSM_LAUNCH_FLAT(columns<float>, blocks, FLAT_THREADS, queue.stream, g);
    }
}
