/* SPDX-License-Identifier: ISC */
/** What the kernels that compute a whole scan share: the shapes of mixers that they exist for, and
 *  the state of a head in registers. For .cu files. */
#ifndef BSM_CUDA_FUSED_SCAN_H
#define BSM_CUDA_FUSED_SCAN_H

#include <stdint.h>

#include "fragments.h"
#include "steps.h"

namespace bsm_fused
{

/* The channels of a head (P) and the size of its state (N) as compile-time constants. */
template <uint32_t HEADDIM, uint32_t STATES> struct shape {
    static const uint32_t P = HEADDIM, N = STATES;
};

template <uint32_t P, class work> bool with_states(uint32_t d_state, const work &do_it)
{
    switch (d_state) {
    case 32: do_it(shape<P, 32>()); return true;
    case 64: do_it(shape<P, 64>()); return true;
    case 128: do_it(shape<P, 128>()); return true;
    default: return false;
    }
}

/* Call `do_it` with the shape as a type; return false if there are no kernels for it. */
template <class work> bool with_shape(uint32_t headdim, uint32_t d_state, const work &do_it)
{
    switch (headdim) {
    case 32: return with_states<32>(d_state, do_it);
    case 64: return with_states<64>(d_state, do_it);
    default: return false;
    }
}

} // namespace bsm_fused

/* The state of a head in registers, and how a chunk adds to it. For kernels that walk along the
 * chunks of a sequence with four warps per head. */

namespace bsm_fused
{

enum { THREADS = 128, WARPS = THREADS / BSM_WARP, STEPS = BSM_MAX_CHUNK, TILE = 16 };
enum { GAP = 8 }; /* unused numbers after each row, so that eight rows lie in different banks */

/* A step's row of x or B in shared memory, padded. */
template <uint32_t COLUMNS> using padded = bsm_bf16[COLUMNS + GAP];

/* A warp's part of the state: all columns of every fourth tile of 16 rows. */
template <uint32_t P, uint32_t N> struct state {
    static const uint32_t ROWS = (N / TILE + WARPS - 1) / WARPS;
    bsm_sums S[ROWS][P / 8];

    /* The index of the warp's tile `r` among all tiles of 16 rows. */
    __device__ static uint32_t tile(uint32_t r)
    {
        return threadIdx.x / BSM_WARP + r * WARPS;
    }
    __device__ static bool has(uint32_t r)
    {
        return N / TILE % WARPS == 0 || tile(r) < N / TILE;
    }
};

/* The position of a block's work, and of the lane in it. */
struct head_place {
    uint32_t sequence, head, lane_row, lane_column; /* of the lane's first sum in a fragment */
    size_t chunk;                                   /* index among the chunks of all sequences */
    bsm_cuda_chunk_place place;
};

/* y += a b, where b is 16 rows of a matrix with P columns. */
template <uint32_t P> __device__ void add_product(bsm_sums *y, const uint32_t *a, const bsm_bf16 *b)
{
    BSM_UNROLL
    for (uint32_t p = 0; p < P / TILE; p++) {
        uint32_t columns[4];
        bsm_load_matrices<true>(columns, bsm_tile_by_rows(b + p * TILE, P + GAP));
        bsm_multiply(&y[2 * p], a, columns);
        bsm_multiply(&y[2 * p + 1], a, columns + 2);
    }
}

/* Multiply each number of the fragment `a`, whose columns are steps, by its step's factor. */
__device__ inline void scale(uint32_t *a, const float (*factors)[2])
{
    BSM_UNROLL
    for (uint32_t r = 0; r < 4; r++) {
        a[r] = bsm_pair(bsm_first(a[r]) * factors[r / 2][0], bsm_second(a[r]) * factors[r / 2][1]);
    }
}

/* state += (out B)^T x for 16 steps. x and `out` are loaded once for all rows of the state. */
template <uint32_t P, uint32_t N>
__device__ void add_steps(const head_place &h, const bsm_bf16 *x, const bsm_bf16 *B,
                          const float *out, state<P, N> *state)
{
    uint32_t columns[P / TILE][4];
    float factors[2][2];
    BSM_UNROLL
    for (uint32_t p = 0; p < P / TILE; p++) {
        bsm_load_matrices<true>(columns[p], bsm_tile_by_rows(x + p * TILE, P + GAP));
    }
    bsm_load<2>(out + h.lane_column, factors[0]);
    bsm_load<2>(out + h.lane_column + 8, factors[1]);
    BSM_UNROLL
    for (uint32_t r = 0; r < state->ROWS; r++) {
        if (state->has(r)) {
            uint32_t a[4];
            bsm_load_matrices<true>(a, bsm_tile_by_columns(B + state->tile(r) * TILE, N + GAP));
            scale(a, factors);
            BSM_UNROLL
            for (uint32_t p = 0; p < P / 8; p++) {
                bsm_multiply(&state->S[r][p], a, columns[p / 2] + p % 2 * 2);
            }
        }
    }
}

/* S' = exp(cum of the last step) S + (out B)^T x. Two tiles of steps are added per turn, so that
 * one product can proceed while the other waits. Steps after the chunk's end add nothing. */
template <uint32_t P, uint32_t N>
__device__ void advance(const head_place &h, const padded<P> *x, const padded<N> *B,
                        const float *cum, const float *out, state<P, N> *state)
{
    const float all = bsm_quick_exp(cum[STEPS - 1]);
    BSM_UNROLL
    for (uint32_t e = 0; e < state->ROWS * P / 8 * 4; e++) {
        state->S[e / 4 / (P / 8)][e / 4 % (P / 8)].c[e % 4] *= all;
    }
    for (uint32_t step = 0; step < h.place.length; step += 2 * TILE) {
        add_steps(h, x[step], B[step], out + step, state);
        add_steps(h, x[step + TILE], B[step + TILE], out + step + TILE, state);
    }
}

/* Call `do_it` for each row of the state in which this lane holds numbers. Its arguments are the
 * row, the sums of the row's tile, and the index in each bsm_sums of the lane's two numbers. */
template <uint32_t P, uint32_t N, class work>
__device__ void for_rows(const head_place &h, state<P, N> *state, const work &do_it)
{
    BSM_UNROLL
    for (uint32_t r = 0; r < state->ROWS; r++) {
        if (state->has(r)) {
            const uint32_t row = state->tile(r) * TILE + h.lane_row;
            do_it(row, state->S[r], 0);
            do_it(row + 8, state->S[r], 2);
        }
    }
}

} // namespace bsm_fused

#endif
