/* SPDX-License-Identifier: ISC */
/** The data of a thread block of the fused backward scan: shared memory and the copies into it,
 *  registers, and each warp's share of the work. For fused_scan_backward.cu. */
#ifndef BSM_CUDA_TRAINING_CHUNK_MEMORY_H
#define BSM_CUDA_TRAINING_CHUNK_MEMORY_H

#include "fragments.h"
#include "steps.h"
#include "training/training_kernels.h"

namespace bsm_chunk
{

enum { THREADS = 512, WARPS = THREADS / BSM_WARP, STEPS = BSM_MAX_CHUNK, TILE = 16 };
enum { TILES = STEPS / TILE, SLICES = WARPS / TILES };

/* A matrix whose groups of eight columns are permuted differently in neighbouring rows, so that the
 * same columns of eight rows lie in different banks. */
template <uint32_t ROWS, uint32_t COLUMNS> struct matrix {
    bsm_bf16 numbers[ROWS][COLUMNS];

    __device__ bsm_bf16 *at(uint32_t row, uint32_t column)
    {
        const uint32_t turn = COLUMNS >= 64 ? row % 8 : row / 2 % 4;
        return &numbers[row][((column / 8) ^ turn) * 8 + column % 8];
    }
};

/* The same as bsm_load_matrices with bsm_tile_by_rows. */
template <bool TRANSPOSED, class any_matrix>
__device__ void load_by_rows(uint32_t *fragment, any_matrix &m, uint32_t row, uint32_t column)
{
    const uint32_t lane = threadIdx.x % BSM_WARP, part = lane / 8;
    bsm_load_matrices<TRANSPOSED>(fragment,
                                  m.at(row + part % 2 * 8 + lane % 8, column + part / 2 * 8));
}

/* The same as bsm_load_matrices with bsm_tile_by_columns. */
template <bool TRANSPOSED, class any_matrix>
__device__ void load_by_columns(uint32_t *fragment, any_matrix &m, uint32_t row, uint32_t column)
{
    const uint32_t lane = threadIdx.x % BSM_WARP, part = lane / 8;
    bsm_load_matrices<TRANSPOSED>(fragment,
                                  m.at(row + part / 2 * 8 + lane % 8, column + part % 2 * 8));
}

/* 16 x 16 sums += a b, where b is two adjacent fragments `b`. */
__device__ inline void multiply_two(bsm_sums *sums, const uint32_t *a, const uint32_t *b)
{
    bsm_multiply(&sums[0], a, b);
    bsm_multiply(&sums[1], a, b + 2);
}

/* ---- Shared memory ---- */

/* The numbers of a head. There are two sets of them, because one head's are still being read when
 * the next one's are written. */
struct head_numbers {
    float dt[STEPS], cum[STEPS], in[STEPS], out[STEPS];
    /* The gradient w.r.t. dt from the scores below the diagonal, as row r of the tiles contributes
     * it. */
    float by_dt[TILES][STEPS];
    /* The gradient w.r.t. cum, as column s of the tiles and of the states contributes it. */
    float by_cum[SLICES][STEPS];
    float diagonal[STEPS];     /* gradient w.r.t. dt from the diagonal */
    float left[SLICES][STEPS]; /* parts of x.V */
    float states[WARPS];       /* parts of <S, K> */
};

template <uint32_t P> struct row_memory {
    matrix<STEPS, P> x, d_y;
};

template <uint32_t P, uint32_t N> struct alignas(16) memory {
    matrix<STEPS, N> B;
    union {
        row_memory<P> rows[2]; /* for a head and the next one */
        matrix<STEPS, N> C;    /* before the first and after the last head */
    };
    matrix<STEPS, STEPS> M; /* after the last head: d_G */
    head_numbers numbers[2];
    bsm_cuda_chunk_place chunk; /* in shared memory, because registers are short */
};

template <uint32_t P, uint32_t N, bool STATES> struct block_memory : memory<P, N> {
};

template <uint32_t P, uint32_t N> struct block_memory<P, N, true> : memory<P, N> {
    matrix<N, P> S, K;
};

/* ---- What a thread has ---- */

/* The share of N columns that a warp handles, in tiles of 16. */
template <uint32_t N> struct slice {
    static const uint32_t TILES_OF_ALL = N / TILE;
    static const uint32_t COUNT = (TILES_OF_ALL + SLICES - 1) / SLICES;
};

template <uint32_t P, uint32_t N> struct sums {
    bsm_sums d_B[2 * slice<N>::COUNT], d_C[2 * slice<N>::COUNT];
    bsm_sums G[2], d_G[2];
};

struct block_place {
    uint32_t row, slice;            /* row and column of the warp's tile */
    uint32_t lane_row, lane_column; /* of the lane's first sum in a fragment */
    uint32_t steps;                 /* steps of a chunk */
    bool works;                     /* false if the warp's steps do not exist */
    __device__ uint32_t step(uint32_t half) const
    {
        return row * TILE + lane_row + half * 8;
    }
};

/* Return whether the warp's tile of the scores lies on or below the diagonal. */
__device__ inline bool has_scores(const block_place &w)
{
    return w.works && w.slice <= w.row;
}

/* Call `do_it` for each of the warp's tiles of 16 among the N columns, with the tile's first column
 * and the index of its first sums. */
template <uint32_t N, class work>
__device__ void for_columns(const block_place &w, const work &do_it)
{
    BSM_UNROLL
    for (uint32_t t = 0; t < slice<N>::COUNT; t++) {
        const uint32_t tile = w.slice * slice<N>::COUNT + t;
        if (tile < slice<N>::TILES_OF_ALL) {
            do_it(tile * TILE, 2 * t);
        }
    }
}

/* ---- Numbers on their way ---- */

/* Request a matrix whose rows are `stride` numbers apart; rows from `rows` on become zero. */
template <uint32_t ROWS, uint32_t COLUMNS>
__device__ void fetch(matrix<ROWS, COLUMNS> *to, const bsm_bf16 *from, size_t stride, uint32_t rows)
{
    for (uint32_t v = threadIdx.x; v < ROWS * (COLUMNS / 8); v += THREADS) {
        const uint32_t row = v / (COLUMNS / 8), column = v % (COLUMNS / 8) * 8;
        const bool there = row < rows;
        bsm_copy_eight_later(to->at(row, column), there ? from + row * stride + column : from,
                             there);
    }
}

/* B or C of the chunk, whose rows are 2 N numbers apart. */
template <uint32_t N> __device__ const bsm_bf16 *chunk_BC(const bsm_fused_scan_backward &b, bool C)
{
    return (const bsm_bf16 *)b.BC + (size_t)blockIdx.x * b.steps.chunk * 2 * N + (C ? N : 0);
}

template <uint32_t N>
__device__ void fetch_BC(const bsm_fused_scan_backward &b, matrix<STEPS, N> *to, bool C)
{
    fetch(to, chunk_BC<N>(b, C), 2 * N, b.steps.chunk);
}

/* The index of the chunk's first step of a head in arrays [sequence][chunk][head][step]. */
__device__ inline size_t first_step(const bsm_fused_scan_backward &b, uint32_t head)
{
    return ((size_t)blockIdx.x * b.shape.heads + head) * b.steps.chunk;
}

template <uint32_t P>
__device__ void fetch_rows(const bsm_fused_scan_backward &b, const bsm_cuda_chunk_place &chunk,
                           uint32_t head, row_memory<P> *rows)
{
    if (head < b.shape.heads) {
        fetch(&rows->x, (const bsm_bf16 *)b.x + first_step(b, head) * P, P, b.steps.chunk);
        for (uint32_t v = threadIdx.x; v < STEPS * (P / 8); v += THREADS) {
            const uint32_t i = v / (P / 8), column = v % (P / 8) * 8;
            const bool there = i < chunk.length;
            const size_t row = there ? bsm_step_row(b.steps, chunk.sequence, chunk.first + i) : 0;
            const bsm_bf16 *from = (const bsm_bf16 *)b.d_y + row * bsm_shape_inner(b.shape);
            bsm_copy_eight_later(rows->d_y.at(i, column), from + head * P + column, there);
        }
    }
    bsm_commit_copies();
}

template <uint32_t P, uint32_t N>
__device__ void fetch_state(const bsm_fused_scan_backward &b, uint32_t head, const void *states,
                            matrix<N, P> *to)
{
    if (head < b.shape.heads) {
        const size_t inner = bsm_shape_inner(b.shape), at = (size_t)blockIdx.x * N * inner;
        fetch(to, (const bsm_bf16 *)states + at + head * P, inner, N);
    }
    bsm_commit_copies();
}

/* Load one number of a head's dt, cum, in and out, in the first 4 STEPS threads. After the chunk's
 * end nothing decays and nothing is added. */
__device__ inline float fetch_decay(const bsm_fused_scan_backward &b, uint32_t head)
{
    const uint32_t which = threadIdx.x / STEPS, i = threadIdx.x % STEPS, chunk = b.steps.chunk;
    if (head >= b.shape.heads) {
        return 0;
    }
    const size_t at = first_step(b, head);
    switch (which) {
    case 0: return i < chunk ? b.decays.dt[at + i] : 0.0f;
    case 1: return (float)b.decays.cum[at + (i < chunk ? i : chunk - 1)];
    case 2: return i < chunk ? b.decays.in[at + i] : 0.0f;
    case 3: return i < chunk ? b.decays.out[at + i] : 0.0f;
    default: return 0;
    }
}

__device__ inline void store_decay(head_numbers *n, float decay)
{
    const uint32_t which = threadIdx.x / STEPS, i = threadIdx.x % STEPS;
    switch (which) {
    case 0: n->dt[i] = decay; break;
    case 1: n->cum[i] = decay; break;
    case 2: n->in[i] = decay; break;
    case 3: n->out[i] = decay; break;
    default: break;
    }
}

} // namespace bsm_chunk

#endif
