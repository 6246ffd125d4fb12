/* SPDX-License-Identifier: ISC */
/* The backward pass of norms of rows: first two numbers are computed for each row, and then
 * everything from them. */
#include "steps.h"
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128, FLAT_THREADS = 256 };

/* For u = x * factor * weight, where the factor depends on x: out[0] is the factor, and out[1] the
 * multiple of x that is subtracted from the gradient. */
__device__ static void row_scalars(const bsm_norm_backward &n, float square, float along,
                                   float *out)
{
    const float dim = (float)n.dim;
    if (!n.l2) {
        const float factor = 1.0f / sqrtf(square / dim + 1e-5f);
        out[0] = factor;
        out[1] = factor * factor * factor / dim * along;
        return;
    }
    const float length = sqrtf(square);
    const bool silent = !(length > 1e-12f); /* then the length counts as a constant */
    const float factor = sqrtf(dim) / (silent ? 1e-12f : length);
    out[0] = factor;
    out[1] = silent ? 0.0f : factor * along / length / length;
}

/* One warp per row. */
static __global__ void scalars(bsm_norm_backward n)
{
    const uint32_t r = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    const uint32_t lane = threadIdx.x % BSM_WARP;
    if (r >= n.rows.batches * n.rows.per) {
        return;
    }
    const float *x = n.x + bsm_row_of(n.rows, r) * n.dim, *d_u = n.d_u + (size_t)r * n.dim;
    float square = 0, along = 0;
    for (uint32_t i = lane; i < n.dim; i += BSM_WARP) {
        square += x[i] * x[i];
        along += x[i] * d_u[i] * n.weight[i];
    }
    square = bsm_warp_sum(square);
    along = bsm_warp_sum(along);
    if (lane == 0) {
        row_scalars(n, square, along, n.scalars + 2 * (size_t)r);
    }
}

/* One thread per column of a piece. */
static __global__ void columns(bsm_norm_backward n)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t piece = (uint32_t)(index / n.dim), i = (uint32_t)(index % n.dim);
    const uint32_t rows = n.rows.batches * n.rows.per;
    if (piece >= bsm_pieces_of(rows)) {
        return;
    }
    float sum = 0;
    for (uint32_t r = piece * BSM_PIECE_ROWS; r < (piece + 1) * BSM_PIECE_ROWS && r < rows; r++) {
        const size_t at = bsm_row_of(n.rows, r) * n.dim + i;
        const float x = n.x[at], d = n.d_u[(size_t)r * n.dim + i];
        const float factor = n.scalars[2 * (size_t)r], along = n.scalars[2 * (size_t)r + 1];
        n.d_x[at] += factor * n.weight[i] * d - along * x;
        sum += d * x * factor;
    }
    n.partial[index] = sum;
}

void bsm_kernel_norm_backward(bsm_kernel_queue queue, const bsm_norm_backward *norm)
{
    const bsm_norm_backward n = *norm;
    const uint32_t rows = n.rows.batches * n.rows.per;
    const size_t count = (size_t)bsm_pieces_of(rows) * n.dim;
    BSM_LAUNCH(scalars, bsm_blocks_for(rows, THREADS / BSM_WARP), THREADS, queue.stream, n);
    BSM_LAUNCH_FLAT(columns, bsm_blocks_for(count, FLAT_THREADS), FLAT_THREADS, queue.stream, n);
}
