/* SPDX-License-Identifier: ISC */
/* The scan in bfloat16 as one kernel: a block goes along the chunks of one head of a sequence and
 * holds the state in registers, as sums of fragments; nothing but x, B, C and y is read or written.
 * The convolution of x is made on the way. Four warps share a chunk of 64 steps: each has 16 steps
 * of y, and a quarter of the state's rows.
 *
 *     y  = (C B^T, decayed and masked, + D) x + in C S
 *     S' = exp(cum of the last) S + (out B)^T x                  with in and out as in bsm_decays
 */
#include "fused_scan.h"
#include "taps.h"

using namespace bsm_fused;

/* A head's chunk, and the state before it. */
template <uint32_t P, uint32_t N> struct chunk_memory : added_memory<P, N> {
    bsm_bf16 S[N][P + GAP];
    float dt[STEPS];
};

/* ---- What a chunk needs ---- */

/* By the first warp. Behind the chunk's end nothing decays, and nothing is added. */
template <uint32_t P, uint32_t N>
__device__ void load_decays(const bsm_fused_scan &s, const head_place &h, chunk_memory<P, N> *m)
{
    const float A = s.A[h.head], bias = s.dt_bias[h.head];
    const uint32_t lane = threadIdx.x % BSM_WARP;
    float dt[STEPS / BSM_WARP];
    float cum[STEPS / BSM_WARP], sum = 0;
    BSM_UNROLL
    for (uint32_t part = 0; part < STEPS / BSM_WARP; part++) {
        const uint32_t i = part * BSM_WARP + lane;
        dt[part] = 0;
        if (i < h.place.length) {
            const size_t row = bsm_step_row(s.steps, h.sequence, h.place.first + i);
            dt[part] = bsm_softplus(s.raw_dt[row * s.shape.heads + h.head] + bias);
        }
        cum[part] = sum + bsm_warp_prefix_sum(dt[part] * A);
        sum = __shfl_sync(BSM_ALL_LANES, cum[part], BSM_WARP - 1);
    }
    BSM_UNROLL
    for (uint32_t part = 0; part < STEPS / BSM_WARP; part++) {
        const uint32_t i = part * BSM_WARP + lane;
        m->dt[i] = dt[part];
        m->cum[i] = cum[part];
        m->out[i] = dt[part] * bsm_quick_exp(sum - cum[part]);
    }
}

template <uint32_t P, uint32_t N>
__device__ void load_B(const bsm_fused_scan &s, const head_place &h, chunk_memory<P, N> *m)
{
    const uint32_t PER_ROW = N / 8;
    const bsm_bf16 *from = (const bsm_bf16 *)s.BC + h.chunk * s.steps.chunk * 2 * N;
    for (uint32_t v = threadIdx.x; v < STEPS * PER_ROW; v += THREADS) {
        const uint32_t row = v / PER_ROW, column = v % PER_ROW * 8;
        const bool there = row < s.steps.chunk;
        bsm_copy_eight(&m->B[row][column], there ? from + row * 2 * N + column : NULL);
    }
}

/* Two neighbouring channels of a step before the sequence. */
__device__ static uint32_t tail_pair(const bsm_fused_scan &s, const head_place &h, int64_t step,
                                     uint32_t channel)
{
    const int64_t taps_before = (int64_t)s.shape.taps - 1;
    if (!s.tail || step < -taps_before) {
        return 0;
    }
    const size_t row = (size_t)h.sequence * taps_before + (size_t)(taps_before + step);
    const float *tail = s.tail + row * bsm_shape_conv(s.shape) + channel;
    return bsm_pair(tail[0], tail[1]);
}

__device__ static float silu(float x)
{
    return x * bsm_quick_sigmoid(x);
}

/* x after its convolution. A thread has two channels of some steps, and goes along them. */
template <uint32_t P, uint32_t N>
__device__ void load_x(const bsm_fused_scan &s, const head_place &h, chunk_memory<P, N> *m)
{
    const uint32_t SPAN = STEPS * P / 2 / THREADS, BEFORE = BSM_FEW_TAPS - 1;
    const uint32_t p = threadIdx.x % (P / 2) * 2, first = threadIdx.x / (P / 2) * SPAN;
    const uint32_t channel = h.head * P + p, step = h.place.first + first;
    const bsm_bf16 *column = (const bsm_bf16 *)s.zxBC + bsm_shape_inner(s.shape) + channel;
    const bsm_walk<const bsm_bf16> in(s.steps, h.sequence, step, bsm_shape_zxBC(s.shape), column);
    uint32_t pairs[BEFORE + SPAN]; /* all are on their way at the same time */
    BSM_UNROLL
    for (uint32_t k = BEFORE; k < BEFORE + SPAN; k++) {
        const bool there = first + k < h.place.length + BEFORE;
        pairs[k] = there ? bsm_load_pair(in.at + ((ptrdiff_t)k - BEFORE) * in.stride) : 0;
    }
    BSM_UNROLL
    for (uint32_t k = 0; k < BEFORE; k++) {
        pairs[k] = 0;
        if (first < h.place.length) {
            pairs[k] = step + k >= BEFORE
                           ? bsm_load_pair(in.at + ((ptrdiff_t)k - BEFORE) * in.stride)
                           : tail_pair(s, h, (int64_t)step + k - BEFORE, channel);
        }
    }
    bsm_taps<BSM_FEW_TAPS> left(s.weight, s.shape.taps, channel);
    bsm_taps<BSM_FEW_TAPS> right(s.weight, s.shape.taps, channel + 1);
    const float bias[2] = {s.bias[channel], s.bias[channel + 1]};
    BSM_UNROLL
    for (uint32_t k = 0; k < BEFORE + SPAN; k++) {
        left.push(bsm_first(pairs[k]));
        right.push(bsm_second(pairs[k]));
        if (k >= BEFORE) {
            const uint32_t i = first + k - BEFORE;
            const bool there = i < h.place.length;
            const float x = there ? silu(bias[0] + left.sum()) : 0.0f;
            const float next = there ? silu(bias[1] + right.sum()) : 0.0f;
            bsm_store_pair(&m->x[i][p], bsm_pair(x, next));
        }
    }
}

/* ---- y ---- */

/* The warp's 16 rows of C. */
template <uint32_t N>
__device__ void load_C(const bsm_fused_scan &s, const head_place &h, uint32_t first,
                       uint32_t (*C)[4])
{
    const size_t row = h.chunk * s.steps.chunk + first + h.lane_row;
    const bsm_bf16 *upper = (const bsm_bf16 *)s.BC + row * 2 * N + N + h.lane_column;
    const bsm_bf16 *lower = upper + 8 * 2 * N;
    BSM_UNROLL
    for (uint32_t k = 0; k < N / TILE; k++) {
        C[k][0] = bsm_load_pair(upper + k * TILE);
        C[k][1] = bsm_load_pair(lower + k * TILE);
        C[k][2] = bsm_load_pair(upper + k * TILE + 8);
        C[k][3] = bsm_load_pair(lower + k * TILE + 8);
    }
}

/* y = in C S */
template <uint32_t P, uint32_t N>
__device__ void add_state(const head_place &h, const chunk_memory<P, N> *m, uint32_t first,
                          const uint32_t (*C)[4], bsm_sums *y)
{
    BSM_UNROLL
    for (uint32_t k = 0; k < N / TILE; k++) {
        add_product<P>(y, C[k], m->S[k * TILE]);
    }
    const float upper = bsm_quick_exp(m->cum[first + h.lane_row]);
    const float lower = bsm_quick_exp(m->cum[first + h.lane_row + 8]);
    BSM_UNROLL
    for (uint32_t p = 0; p < P / 8; p++) {
        y[p].c[0] *= upper, y[p].c[1] *= upper;
        y[p].c[2] *= lower, y[p].c[3] *= lower;
    }
}

/* The warp's 16 rows and 16 columns of the scores, from C B^T. */
template <uint32_t P, uint32_t N>
__device__ void scores(const head_place &h, const chunk_memory<P, N> *m, float D, uint32_t row,
                       uint32_t column, const bsm_sums *G, uint32_t *M)
{
    float values[2][4];
    BSM_UNROLL
    for (uint32_t e = 0; e < 8; e++) {
        const uint32_t i = row + h.lane_row + e % 4 / 2 * 8;
        const uint32_t j = column + e / 4 * 8 + h.lane_column + e % 2;
        const float decay = j <= i ? bsm_quick_exp(m->cum[i] - m->cum[j]) * m->dt[j] : 0.0f;
        values[e / 4][e % 4] = G[e / 4].c[e % 4] * decay + (i == j ? D : 0.0f);
    }
    BSM_UNROLL
    for (uint32_t r = 0; r < 4; r++) {
        M[r] = bsm_pair(values[r / 2][r % 2 * 2], values[r / 2][r % 2 * 2 + 1]);
    }
}

/* y += (C B^T, decayed and masked, + D) x */
template <uint32_t P, uint32_t N>
__device__ void add_inside(const head_place &h, const chunk_memory<P, N> *m, float D,
                           uint32_t first, const uint32_t (*C)[4], bsm_sums *y)
{
    for (uint32_t column = 0; column <= first; column += TILE) {
        bsm_sums G[2] = {};
        BSM_UNROLL
        for (uint32_t k = 0; k < N / TILE; k++) {
            uint32_t B[4];
            bsm_load_matrices<false>(B, bsm_tile_by_columns(m->B[column] + k * TILE, N + GAP));
            bsm_multiply(&G[0], C[k], B);
            bsm_multiply(&G[1], C[k], B + 2);
        }
        uint32_t M[4];
        scores(h, m, D, first, column, G, M);
        add_product<P>(y, M, m->x[column]);
    }
}

/* The sum of a row's numbers, which four lanes have. */
__device__ static float row_sum(float sum)
{
    sum += __shfl_xor_sync(BSM_ALL_LANES, sum, 1);
    return sum + __shfl_xor_sync(BSM_ALL_LANES, sum, 2);
}

template <uint32_t P>
__device__ void store_y(const bsm_fused_scan &s, const head_place &h, uint32_t first,
                        const bsm_sums *y)
{
    BSM_UNROLL
    for (uint32_t half = 0; half < 2; half++) {
        const uint32_t i = first + h.lane_row + half * 8, column = h.head * P + h.lane_column;
        const bool there = i < h.place.length;
        const size_t row = there ? bsm_step_row(s.steps, h.sequence, h.place.first + i) : 0;
        const bsm_bf16 *z = (const bsm_bf16 *)s.zxBC + row * bsm_shape_zxBC(s.shape) + column;
        bsm_bf16 *out = (bsm_bf16 *)s.y + row * bsm_shape_inner(s.shape) + column;
        float sum = 0;
        BSM_UNROLL
        for (uint32_t p = 0; p < P / 8 && there; p++) {
            float two[2] = {y[p].c[2 * half], y[p].c[2 * half + 1]};
            if (s.squares) {
                const uint32_t gates = bsm_load_pair(z + p * 8);
                two[0] *= silu(bsm_first(gates)), two[1] *= silu(bsm_second(gates));
                sum += two[0] * two[0] + two[1] * two[1];
            }
            bsm_store_pair(out + p * 8, bsm_pair(two[0], two[1]));
        }
        sum = row_sum(sum);
        if (s.squares && there && h.lane_column == 0) {
            s.squares[row * s.shape.heads + h.head] = sum;
        }
    }
}

template <uint32_t P, uint32_t N>
__device__ void make_y(const bsm_fused_scan &s, const head_place &h, const chunk_memory<P, N> *m,
                       bool with_state)
{
    const uint32_t first = threadIdx.x / BSM_WARP * TILE;
    if (first >= h.place.length) {
        return;
    }
    uint32_t C[N / TILE][4];
    load_C<N>(s, h, first, C);
    bsm_sums y[P / 8] = {};
    if (with_state) {
        add_state(h, m, first, C, y);
    }
    add_inside(h, m, s.D[h.head], first, C, y);
    store_y<P>(s, h, first, y);
}

/* ---- The state ---- */

/* The lane's first number in a row of this head's state among all of a sequence's or a chunk's. */
template <uint32_t P, uint32_t N>
__device__ size_t in_states(const bsm_fused_scan &s, const head_place &h, size_t which,
                            uint32_t row)
{
    return (which * N + row) * bsm_shape_inner(s.shape) + h.head * P + h.lane_column;
}

template <uint32_t P, uint32_t N>
__device__ void load_state(const bsm_fused_scan &s, const head_place &h, state<P, N> *state)
{
    for_rows(h, state, [&](uint32_t row, bsm_sums *S, uint32_t two) {
        const float *from = s.first ? s.first + in_states<P, N>(s, h, h.sequence, row) : NULL;
        BSM_UNROLL
        for (uint32_t p = 0; p < P / 8; p++) {
            S[p].c[two] = from ? from[p * 8] : 0.0f;
            S[p].c[two + 1] = from ? from[p * 8 + 1] : 0.0f;
        }
    });
}

/* To where the next chunk reads it. */
template <uint32_t P, uint32_t N>
__device__ void share_state(const head_place &h, chunk_memory<P, N> *m, state<P, N> *state)
{
    for_rows(h, state, [&](uint32_t row, const bsm_sums *S, uint32_t two) {
        BSM_UNROLL
        for (uint32_t p = 0; p < P / 8; p++) {
            bsm_store_pair(&m->S[row][p * 8 + h.lane_column],
                           bsm_pair(S[p].c[two], S[p].c[two + 1]));
        }
    });
}

template <uint32_t P, uint32_t N>
__device__ void store_before(const bsm_fused_scan &s, const head_place &h, state<P, N> *state)
{
    for_rows(h, state, [&](uint32_t row, const bsm_sums *S, uint32_t two) {
        bsm_bf16 *to = (bsm_bf16 *)s.before + in_states<P, N>(s, h, h.chunk, row);
        BSM_UNROLL
        for (uint32_t p = 0; p < P / 8; p++) {
            bsm_store_pair(to + p * 8, bsm_pair(S[p].c[two], S[p].c[two + 1]));
        }
    });
}

template <uint32_t P, uint32_t N>
__device__ void keep_state(const bsm_fused_scan &s, const head_place &h, state<P, N> *state)
{
    for_rows(h, state, [&](uint32_t row, const bsm_sums *S, uint32_t two) {
        float *to = s.kept + in_states<P, N>(s, h, h.sequence, row);
        BSM_UNROLL
        for (uint32_t p = 0; p < P / 8; p++) {
            to[p * 8] = S[p].c[two];
            to[p * 8 + 1] = S[p].c[two + 1];
        }
    });
}

/* ---- All of it ---- */

/* STATES: there is one before a chunk or behind it; without, more blocks fit a processor. */
template <uint32_t P, uint32_t N, bool STATES>
__global__ void __launch_bounds__(THREADS, STATES ? 3 : 4) fused_scan(bsm_fused_scan s)
{
    __shared__ chunk_memory<P, N> m;
    const uint32_t lane = threadIdx.x % BSM_WARP, chunks = s.steps.chunks;
    head_place h = {};
    h.sequence = blockIdx.x / s.shape.heads, h.head = blockIdx.x % s.shape.heads;
    h.lane_row = lane / 4, h.lane_column = lane % 4 * 2;
    state<P, N> state;
    if (STATES) {
        load_state(s, h, &state);
    }
    for (uint32_t c = 0; c < (STATES ? chunks : 1); c++) {
        h.chunk = (size_t)h.sequence * chunks + c;
        h.place = bsm_chunk_at(s.steps, (uint32_t)h.chunk);
        if (STATES && s.y) {
            share_state(h, &m, &state);
        }
        if (STATES && s.before) {
            store_before(s, h, &state);
        }
        if (threadIdx.x < BSM_WARP) {
            load_decays(s, h, &m);
        }
        load_B(s, h, &m);
        load_x(s, h, &m);
        __syncthreads();
        if (s.y) {
            make_y(s, h, &m, STATES && (c > 0 || s.first != NULL));
        }
        const bool keep = s.kept && c + 1 == s.steps.split_chunks;
        if (STATES && (c + 1 < chunks || keep)) {
            advance(h, &m, &state);
        }
        if (STATES && keep) {
            keep_state(s, h, &state);
        }
        __syncthreads();
    }
}

template <uint32_t P, uint32_t N>
static void launch(bsm_kernel_queue queue, const bsm_fused_scan &scan)
{
    const bsm_fused_scan s = scan;
    const unsigned int blocks = s.steps.sequences * s.shape.heads;
    if (s.steps.chunks > 1 || s.first || s.kept || s.before) {
        BSM_LAUNCH((fused_scan<P, N, true>), blocks, THREADS, queue.stream, s);
    } else {
        BSM_LAUNCH((fused_scan<P, N, false>), blocks, THREADS, queue.stream, s);
    }
}

template <uint32_t P> static void choose_state(bsm_kernel_queue queue, const bsm_fused_scan &scan)
{
    switch (scan.shape.d_state) {
    case 32: launch<P, 32>(queue, scan); break;
    case 64: launch<P, 64>(queue, scan); break;
    case 128: launch<P, 128>(queue, scan); break;
    default: break;
    }
}

bool bsm_fused_scan_can(bsm_kernel_queue queue, bsm_mixer_shape shape)
{
    const uint32_t P = shape.headdim, N = shape.d_state;
    return queue.bf16 && (P == 32 || P == 64) && (N == 32 || N == 64 || N == 128) &&
           shape.taps <= BSM_FEW_TAPS;
}

void bsm_kernel_fused_scan(bsm_kernel_queue queue, const bsm_fused_scan *scan)
{
    if (scan->shape.headdim == 32) {
        choose_state<32>(queue, *scan);
    } else {
        choose_state<64>(queue, *scan);
    }
}
