/* SPDX-License-Identifier: ISC */
/* The backward pass of the gate and its norm: first two numbers are computed for each row, and then
 * everything from them. */
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128, FLAT_THREADS = 256 };

/* The norm of a row: the factor that it multiplies the row by, and the multiple of the row that its
 * backward pass subtracts from the gradient. */
struct row_factors {
    float factor, along;

    __device__ static row_factors of(float square, float along, uint32_t inner)
    {
        const float factor = 1.0f / sqrtf(square / (float)inner + 1e-5f);
        return {factor, factor * factor * factor / (float)inner * along};
    }
};

/* One number of a row, and what is computed from it alone. */
struct gate_number {
    float y, z, d, sigmoid, gated;

    template <class T> __device__ static gate_number of(T y, T z, T d)
    {
        gate_number n;
        n.y = bsm_value<T>::to_float(y);
        n.z = bsm_value<T>::to_float(z);
        n.d = bsm_value<T>::to_float(d);
        n.sigmoid = bsm_sigmoid_of<T>(n.z);
        n.gated = n.y * n.z * n.sigmoid;
        return n;
    }
    __device__ void backward(const row_factors &f, float weight, float *d_y, float *d_z,
                             float *normal) const
    {
        const float d_gated = f.factor * weight * d - f.along * gated;
        *d_y = d_gated * z * sigmoid;
        *d_z = d_gated * y * sigmoid * (1.0f + z * (1.0f - sigmoid));
        *normal = gated * f.factor * weight;
    }
};

/* ---- Rows of any length, read twice ---- */

template <class T>
__device__ gate_number number_at(const bsm_gate_backward &g, uint32_t r, uint32_t i)
{
    const size_t at = (size_t)r * bsm_shape_inner(g.shape) + i;
    const size_t z_at = (size_t)r * bsm_shape_zxBC(g.shape) + i;
    return gate_number::of(((const T *)g.y)[at], ((const T *)g.zxBC)[z_at],
                           ((const T *)g.gradient)[at]);
}

/* One warp per row. */
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
    const row_factors f = row_factors::of(bsm_warp_sum(square), bsm_warp_sum(along), inner);
    if (lane == 0) {
        g.scalars[2 * (size_t)r] = f.factor;
        g.scalars[2 * (size_t)r + 1] = f.along;
    }
}

/* Compute the gradients of one number; return the row's contribution to the gradient w.r.t. the
 * weight. */
template <class T> __device__ float gate_value(const bsm_gate_backward &g, uint32_t r, uint32_t i)
{
    const size_t at = (size_t)r * bsm_shape_inner(g.shape) + i;
    const row_factors f = {g.scalars[2 * (size_t)r], g.scalars[2 * (size_t)r + 1]};
    const gate_number n = number_at<T>(g, r, i);
    float d_y, d_z, normal;
    n.backward(f, g.weight[i], &d_y, &d_z, &normal);
    ((T *)g.gradient)[at] = bsm_value<T>::from(d_y);
    ((T *)g.gated)[at] = bsm_value<T>::from(normal);
    ((T *)g.d_zxbcdt)[(size_t)r * bsm_shape_projected(g.shape) + i] = bsm_value<T>::from(d_z);
    return n.d * n.gated * f.factor;
}

/* One thread per column of a piece. */
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

template <class T> static void in_two(bsm_kernel_queue queue, const bsm_gate_backward &gate)
{
    const bsm_gate_backward g = gate;
    const size_t count = (size_t)bsm_pieces_of(g.rows) * bsm_shape_inner(g.shape);
    BSM_LAUNCH(scalars<T>, bsm_blocks_for(g.rows, THREADS / BSM_WARP), THREADS, queue.stream, g);
    BSM_LAUNCH_FLAT(columns<T>, bsm_blocks_for(count, FLAT_THREADS), FLAT_THREADS, queue.stream, g);
}

/* ---- Rows that a warp can hold, read once ---- */

enum { PIECE_WARPS = 8, HELD = 32, FOUR = 4, MOST_COLUMNS = HELD * BSM_WARP };

/* The numbers of a row that a lane holds, as they lie in memory: groups of four neighbours, 128
 * columns apart. */
template <class T> struct held_row {
    bsm_pack<T, FOUR> y[HELD / FOUR], z[HELD / FOUR], d[HELD / FOUR];

    __device__ void load(const bsm_gate_backward &g, uint32_t r, uint32_t first)
    {
        const uint32_t inner = bsm_shape_inner(g.shape);
        const T *row_y = (const T *)g.y + (size_t)r * inner;
        const T *row_z = (const T *)g.zxBC + (size_t)r * bsm_shape_zxBC(g.shape);
        const T *row_d = (const T *)g.gradient + (size_t)r * inner;
        BSM_UNROLL
        for (uint32_t p = 0; p < HELD / FOUR; p++) {
            const uint32_t i = first + p * FOUR * BSM_WARP;
            y[p] = z[p] = d[p] = {};
            if (i < inner) {
                y[p] = *(const bsm_pack<T, FOUR> *)(row_y + i);
                z[p] = *(const bsm_pack<T, FOUR> *)(row_z + i);
                d[p] = *(const bsm_pack<T, FOUR> *)(row_d + i);
            }
        }
    }
    __device__ gate_number number(uint32_t p, uint32_t k) const
    {
        return gate_number::of(y[p].values[k], z[p].values[k], d[p].values[k]);
    }
};

template <class T>
__device__ row_factors factors_of(const bsm_gate_backward &g, const held_row<T> &row,
                                  uint32_t first)
{
    const uint32_t inner = bsm_shape_inner(g.shape);
    float square = 0, along = 0;
    BSM_UNROLL
    for (uint32_t e = 0; e < HELD; e++) {
        const uint32_t i = first + e / FOUR * FOUR * BSM_WARP + e % FOUR;
        const gate_number n = row.number(e / FOUR, e % FOUR);
        square += n.gated * n.gated;
        along += n.gated * n.d * (i < inner ? g.weight[i] : 0.0f);
    }
    return row_factors::of(bsm_warp_sum(square), bsm_warp_sum(along), inner);
}

template <class T>
__device__ void held_backward(const bsm_gate_backward &g, const held_row<T> &row, uint32_t r,
                              uint32_t first, const row_factors &f, float *by_weight)
{
    const uint32_t inner = bsm_shape_inner(g.shape);
    const size_t at = (size_t)r * inner, d_at = (size_t)r * bsm_shape_projected(g.shape);
    BSM_UNROLL
    for (uint32_t p = 0; p < HELD / FOUR; p++) {
        const uint32_t i = first + p * FOUR * BSM_WARP;
        if (i < inner) {
            float d_y[FOUR], d_z[FOUR], normal[FOUR];
            BSM_UNROLL
            for (uint32_t k = 0; k < FOUR; k++) {
                const gate_number n = row.number(p, k);
                n.backward(f, g.weight[i + k], &d_y[k], &d_z[k], &normal[k]);
                by_weight[p * FOUR + k] += n.d * n.gated * f.factor;
            }
            bsm_store<FOUR>((T *)g.gradient + at + i, d_y);
            bsm_store<FOUR>((T *)g.gated + at + i, normal);
            bsm_store<FOUR>((T *)g.d_zxbcdt + d_at + i, d_z);
        }
    }
}

/* One thread block per piece, whose warps take the rows in turn. */
template <class T>
__global__ void __launch_bounds__(PIECE_WARPS *BSM_WARP) piece(bsm_gate_backward g)
{
    __shared__ float sums[PIECE_WARPS][MOST_COLUMNS];
    const uint32_t warp = threadIdx.x / BSM_WARP, first = threadIdx.x % BSM_WARP * FOUR;
    const uint32_t inner = bsm_shape_inner(g.shape), begin = blockIdx.x * BSM_PIECE_ROWS;
    float by_weight[HELD] = {};
    for (uint32_t r = begin + warp; r < begin + BSM_PIECE_ROWS && r < g.rows; r += PIECE_WARPS) {
        held_row<T> row;
        row.load(g, r, first);
        held_backward(g, row, r, first, factors_of(g, row, first), by_weight);
    }
    BSM_UNROLL
    for (uint32_t e = 0; e < HELD; e++) {
        sums[warp][first + e / FOUR * FOUR * BSM_WARP + e % FOUR] = by_weight[e];
    }
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < inner; i += blockDim.x) {
        float sum = 0;
        for (uint32_t w = 0; w < PIECE_WARPS; w++) {
            sum += sums[w][i];
        }
        g.partial[(size_t)blockIdx.x * inner + i] = sum;
    }
}

template <class T> static void gate_backward(bsm_kernel_queue queue, const bsm_gate_backward &gate)
{
    const bsm_gate_backward g = gate;
    const uint32_t inner = bsm_shape_inner(g.shape);
    const bool in_fours = inner % FOUR == 0 && bsm_shape_zxBC(g.shape) % FOUR == 0 &&
                          bsm_shape_projected(g.shape) % FOUR == 0;
    if (in_fours && inner <= MOST_COLUMNS) {
        BSM_LAUNCH(piece<T>, bsm_pieces_of(g.rows), PIECE_WARPS * BSM_WARP, queue.stream, g);
    } else {
        in_two<T>(queue, g);
    }
}

void bsm_kernel_gate_backward(bsm_kernel_queue queue, const bsm_gate_backward *gate)
{
    if (queue.bf16) {
        gate_backward<bsm_bf16>(queue, *gate);
    } else {
        gate_backward<float>(queue, *gate);
    }
}
