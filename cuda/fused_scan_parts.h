/* SPDX-License-Identifier: ISC */
/** The parts that the fused scans share: loading a chunk of a head into shared memory, the
 *  convolution of x, the decays, and y of 16 steps, which one warp computes. fused_scan_out.h
 *  writes y out. */
#ifndef BSM_CUDA_FUSED_SCAN_PARTS_H
#define BSM_CUDA_FUSED_SCAN_PARTS_H

#include "fused_scan.h"
#include "taps.h"

namespace bsm_fused
{

enum { BEFORE = BSM_FEW_TAPS - 1 }; /* inputs of earlier steps that a step's convolution reads */

/* ---- x ---- */

/* x before its convolution, from BEFORE steps before the chunk on. */
template <uint32_t P> struct alignas(16) raw_memory {
    bsm_bf16 rows[BEFORE + STEPS][P];
};

/* The convolution's weights of a head's channels. If it has fewer than BSM_FEW_TAPS taps, the first
 * weights are zero. */
template <uint32_t P> struct alignas(16) weight_memory {
    float weight[BSM_FEW_TAPS][P], bias[P];
};

/* Load the weights with the last threads, because the first warps may be computing decays
 * meanwhile. */
template <uint32_t P>
__device__ void load_weights(const bsm_fused_scan &s, uint32_t head, weight_memory<P> *m)
{
    const uint32_t taps = s.shape.taps, p = THREADS - 1 - threadIdx.x, channel = head * P + p;
    if (p < P) {
        const float *weights = s.weight + (size_t)channel * taps;
        BSM_UNROLL
        for (uint32_t k = 0; k < BSM_FEW_TAPS; k++) {
            const bool there = k + taps >= BSM_FEW_TAPS;
            m->weight[k][p] = there ? weights[k + taps - BSM_FEW_TAPS] : 0.0f;
        }
        m->bias[p] = s.bias[channel];
    }
}

/* Load the inputs before the sequence, which chunks at the sequence's start need. */
template <uint32_t P>
__device__ void load_tail(const bsm_fused_scan &s, const bsm_cuda_chunk_place &chunk, uint32_t head,
                          raw_memory<P> *m)
{
    const uint32_t kept = s.shape.taps - 1, missing = BEFORE - chunk.first;
    for (uint32_t v = threadIdx.x; v < missing * P; v += THREADS) {
        const uint32_t p = v % P, back = missing - v / P;
        const size_t at = (size_t)chunk.sequence * kept + kept - back;
        const float *tail = s.tail + at * bsm_shape_conv(s.shape) + head * P + p;
        m->rows[v / P][p] = bsm_value<bsm_bf16>::from(back <= kept ? *tail : 0.0f);
    }
}

/* Request the inputs of a chunk and the BEFORE inputs before it; those that do not exist are
 * zero. */
template <uint32_t P>
__device__ void fetch_rows(const bsm_fused_scan &s, const bsm_cuda_chunk_place &chunk,
                           uint32_t head, raw_memory<P> *m)
{
    const uint32_t PER_ROW = P / 8, TURN = THREADS / PER_ROW, ROWS = BEFORE + STEPS;
    const uint32_t first = threadIdx.x / PER_ROW, column = threadIdx.x % PER_ROW * 8;
    const uint32_t missing = chunk.first < BEFORE ? BEFORE - chunk.first : 0;
    const bsm_walk<const bsm_bf16> in(s.steps, chunk.sequence, chunk.first, bsm_shape_zxBC(s.shape),
                                      (const bsm_bf16 *)s.zxBC + bsm_shape_inner(s.shape) +
                                          head * P + column);
    const bsm_bf16 *from = in.at + ((ptrdiff_t)first - BEFORE) * in.stride;
    BSM_UNROLL
    for (uint32_t turn = 0; turn < (ROWS + TURN - 1) / TURN; turn++) {
        const uint32_t row = first + turn * TURN;
        const bool before = turn == 0 && row < missing; /* the first turn covers BEFORE rows */
        if (row < ROWS && !(before && s.tail)) {
            const bool there = !before && row < BEFORE + chunk.length;
            bsm_copy_eight_later(&m->rows[row][column], from, there);
        }
        from += (ptrdiff_t)TURN * in.stride;
    }
    if (s.tail && missing > 0) {
        load_tail(s, chunk, head, m);
    }
}

/* Convolve x: each thread handles two channels of SPAN consecutive steps. Results after the chunk's
 * end are meaningless, but harmless. */
template <uint32_t P>
__device__ void convolve(const raw_memory<P> &raw, const weight_memory<P> &m, padded<P> *x)
{
    const uint32_t SPAN = STEPS * P / 2 / THREADS;
    const uint32_t p = threadIdx.x % (P / 2) * 2, first = threadIdx.x / (P / 2) * SPAN;
    /* All loads come before the first store: the compiler must assume that a store changes the
     * inputs. */
    uint32_t pairs[BEFORE + SPAN];
    float weight[BSM_FEW_TAPS][2], bias[2];
    BSM_UNROLL
    for (uint32_t k = 0; k < BEFORE + SPAN; k++) {
        pairs[k] = bsm_load_pair(&raw.rows[first + k][p]);
    }
    BSM_UNROLL
    for (uint32_t k = 0; k < BSM_FEW_TAPS; k++) {
        bsm_load<2>(&m.weight[k][p], weight[k]);
    }
    bsm_load<2>(&m.bias[p], bias);
    BSM_UNROLL
    for (uint32_t i = 0; i < SPAN; i++) {
        float left = bias[0], right = bias[1];
        BSM_UNROLL
        for (uint32_t k = 0; k < BSM_FEW_TAPS; k++) {
            left += weight[k][0] * bsm_first(pairs[i + k]);
            right += weight[k][1] * bsm_second(pairs[i + k]);
        }
        bsm_store_pair(&x[first + i][p],
                       bsm_pair(bsm_silu_of<bsm_bf16>(left), bsm_silu_of<bsm_bf16>(right)));
    }
}

/* ---- Decays ---- */

/* cum: sums of dt A. out: dt times how much of a step is left at the chunk's end. tile_out: the
 * same at the end of the step's tile of 16 steps. */
struct alignas(16) decay_memory {
    float dt[STEPS], cum[STEPS], out[STEPS], tile_out[STEPS];
};

/* Compute the decays with one warp. After the chunk's end nothing decays and nothing is added. */
__device__ inline void make_decays(const bsm_fused_scan &s, const bsm_cuda_chunk_place &chunk,
                                   uint32_t head, decay_memory *m)
{
    const uint32_t PARTS = STEPS / BSM_WARP, lane = threadIdx.x % BSM_WARP;
    const float A = s.A[head], bias = s.dt_bias[head];
    float dt[PARTS], cum[PARTS], sum = 0;
    BSM_UNROLL
    for (uint32_t part = 0; part < PARTS; part++) {
        const uint32_t i = part * BSM_WARP + lane;
        dt[part] = 0;
        if (i < chunk.length) {
            const size_t row = bsm_step_row(s.steps, chunk.sequence, chunk.first + i);
            dt[part] = s.raw_dt[row * s.shape.heads + head];
        }
    }
    BSM_UNROLL
    for (uint32_t part = 0; part < PARTS; part++) {
        const bool there = part * BSM_WARP + lane < chunk.length;
        dt[part] = there ? bsm_softplus(dt[part] + bias) : 0.0f;
        cum[part] = sum + bsm_warp_prefix_sum(dt[part] * A);
        sum = __shfl_sync(BSM_ALL_LANES, cum[part], BSM_WARP - 1);
    }
    BSM_UNROLL
    for (uint32_t part = 0; part < PARTS; part++) {
        const uint32_t i = part * BSM_WARP + lane;
        const float tile_end = __shfl_sync(BSM_ALL_LANES, cum[part], lane | (TILE - 1));
        m->dt[i] = dt[part];
        m->cum[i] = cum[part];
        m->out[i] = dt[part] * bsm_quick_exp(sum - cum[part]);
        m->tile_out[i] = dt[part] * bsm_quick_exp(tile_end - cum[part]);
    }
}

/* ---- y ---- */

/* The first of the 16 steps whose y the warp computes. Later steps take longer. Thread blocks deal
 * the steps to their warps in different orders, so that the long ones are not always the work of
 * the same quarter of a multiprocessor. */
__device__ inline uint32_t first_step()
{
    return (threadIdx.x / BSM_WARP + blockIdx.x / WARPS) % WARPS * TILE;
}

/* Convert sums to the fragment `a` of another product. */
__device__ inline void as_factor(const bsm_sums *sums, uint32_t *a)
{
    BSM_UNROLL
    for (uint32_t r = 0; r < 4; r++) {
        a[r] = bsm_pair(sums[r / 2].c[r % 2 * 2], sums[r / 2].c[r % 2 * 2 + 1]);
    }
}

/* The scores of 16 steps with 16 earlier ones, from C B^T. Each decay is computed as two factors,
 * to the end of the earlier tile and from there on, neither of which can overflow. */
__device__ inline void scores_before(const head_place &h, const decay_memory &m, uint32_t first,
                                     uint32_t column, bsm_sums *G)
{
    const float at_end = m.cum[column + TILE - 1];
    float rows[2], columns[2][2];
    BSM_UNROLL
    for (uint32_t half = 0; half < 2; half++) {
        rows[half] = bsm_quick_exp(m.cum[first + h.lane_row + half * 8] - at_end);
        bsm_load<2>(&m.tile_out[column + h.lane_column + half * 8], columns[half]);
    }
    BSM_UNROLL
    for (uint32_t e = 0; e < 8; e++) {
        G[e / 4].c[e % 4] *= rows[e % 4 / 2] * columns[e / 4][e % 2];
    }
}

/* The scores of 16 steps with each other, plus D on the diagonal. */
__device__ inline void scores_among(const head_place &h, const decay_memory &m, float D,
                                    uint32_t first, bsm_sums *G)
{
    float rows[2], columns[2][2], dt[2][2];
    BSM_UNROLL
    for (uint32_t half = 0; half < 2; half++) {
        rows[half] = m.cum[first + h.lane_row + half * 8];
        bsm_load<2>(&m.cum[first + h.lane_column + half * 8], columns[half]);
        bsm_load<2>(&m.dt[first + h.lane_column + half * 8], dt[half]);
    }
    BSM_UNROLL
    for (uint32_t e = 0; e < 8; e++) {
        const uint32_t i = h.lane_row + e % 4 / 2 * 8, j = h.lane_column + e % 2 + e / 4 * 8;
        const float decay = bsm_quick_exp(rows[e % 4 / 2] - columns[e / 4][e % 2]);
        const float score = G[e / 4].c[e % 4] * decay * dt[e / 4][e % 2];
        G[e / 4].c[e % 4] = (j <= i ? score : 0.0f) + (j == i ? D : 0.0f);
    }
}

/* y += (C B^T, decayed and masked, + D) x for 16 steps of x. G is C B^T on entry, and is
 * overwritten with those scores. */
template <uint32_t P>
__device__ void add_scored(const head_place &h, const decay_memory &m, float D, uint32_t first,
                           uint32_t column, const padded<P> *x, bsm_sums *G, bsm_sums *y)
{
    if (column < first) {
        scores_before(h, m, first, column, G);
    } else {
        scores_among(h, m, D, first, G);
    }
    uint32_t M[4];
    as_factor(G, M);
    add_product<P>(y, M, x[column]);
}

} // namespace bsm_fused

/* The scan of sequences that are a single chunk, without states before or after it. */
void bsm_fused_scan_short(bsm_kernel_queue queue, const bsm_fused_scan &scan);

#endif
