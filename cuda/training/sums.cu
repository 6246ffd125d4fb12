/* SPDX-License-Identifier: ISC */
/* Sums over rows in a fixed order, and vectors that are gathered from many positions or added to
 * them. */
#include "exec.h"
#include "training/training_kernels.h"

enum { THREADS = 256, COLUMNS = 32, WAYS = THREADS / COLUMNS };

/* One thread block per 32 columns of a batch. Each of its eight warps adds up every eighth
 * piece. */
static __global__ void add_pieces(bsm_add_pieces a)
{
    __shared__ float sums[WAYS][COLUMNS];
    const uint32_t tiles = (a.columns + COLUMNS - 1) / COLUMNS, batch = blockIdx.x / tiles;
    const uint32_t lane = threadIdx.x % COLUMNS, way = threadIdx.x / COLUMNS;
    const uint32_t column = blockIdx.x % tiles * COLUMNS + lane;
    float sum = 0;
    for (uint32_t p = way; p < a.pieces && column < a.columns; p += WAYS) {
        sum += a.partial[((size_t)batch * a.pieces + p) * a.ld + column];
    }
    sums[way][lane] = sum;
    __syncthreads();
    if (way == 0 && column < a.columns) {
        sum = 0;
        for (uint32_t w = 0; w < WAYS; w++) {
            sum += sums[w][lane];
        }
        a.out[(size_t)batch * a.columns + column] += sum;
    }
}

void bsm_kernel_add_pieces(bsm_kernel_queue queue, const bsm_add_pieces *add)
{
    const bsm_add_pieces a = *add;
    const unsigned int blocks = a.batches * bsm_blocks_for(a.columns, COLUMNS);
    BSM_LAUNCH(add_pieces, blocks, THREADS, queue.stream, a);
}

/* One thread per column of a piece. */
static __global__ void sum_rows(bsm_sum_rows s)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t piece = (uint32_t)(index / s.columns), column = (uint32_t)(index % s.columns);
    if (piece >= bsm_pieces_of(s.rows)) {
        return;
    }
    float sum = 0;
    for (uint32_t r = piece * BSM_PIECE_ROWS; r < (piece + 1) * BSM_PIECE_ROWS && r < s.rows; r++) {
        sum += s.in[(size_t)r * s.columns + column];
    }
    s.partial[index] = sum;
}

void bsm_kernel_sum_rows(bsm_kernel_queue queue, const bsm_sum_rows *sum)
{
    const bsm_sum_rows s = *sum;
    const size_t count = (size_t)bsm_pieces_of(s.rows) * s.columns;
    BSM_LAUNCH_FLAT(sum_rows, bsm_blocks_for(count, THREADS), THREADS, queue.stream, s);
}

/* ---- Vectors ---- */

static __global__ void gather(size_t count, const uint32_t *index, const float *vector,
                              float *packed)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        packed[i] = vector[index[i]];
    }
}

void bsm_kernel_gather(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                       const float *vector, float *packed)
{
    BSM_LAUNCH_FLAT(gather, bsm_blocks_for(count, THREADS), THREADS, queue.stream, count, index,
                    vector, packed);
}

static __global__ void scatter_add(size_t count, const uint32_t *index, const float *packed,
                                   float *vector)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        vector[index[i]] += packed[i];
    }
}

void bsm_kernel_scatter_add(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                            const float *packed, float *vector)
{
    BSM_LAUNCH_FLAT(scatter_add, bsm_blocks_for(count, THREADS), THREADS, queue.stream, count,
                    index, packed, vector);
}

static __global__ void decay_rates(size_t count, const uint32_t *index, const float *vector,
                                   float *A)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        A[i] = -expf(vector[index[i]]);
    }
}

void bsm_kernel_decay_rates(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                            const float *vector, float *A)
{
    BSM_LAUNCH_FLAT(decay_rates, bsm_blocks_for(count, THREADS), THREADS, queue.stream, count,
                    index, vector, A);
}
