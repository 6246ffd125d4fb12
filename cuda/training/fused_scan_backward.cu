/* SPDX-License-Identifier: ISC */
/* The backward pass of the scan in bfloat16. A thread block handles one chunk. It walks through the
 * heads, and holds the gradients w.r.t. B, C and their product in registers, as sums of fragments.
 * The 16 warps form a grid of four by four: warp (r, s) handles tile r of 16 steps and, for these,
 * either tile s of 16 columns (of M and d_x) or quarter s of the columns (of d_B and d_C).
 *
 * With S the state before the chunk, K the gradient w.r.t. the state after it, G = C B^T, and in
 * and out as in bsm_decays, each head contributes
 *
 *     d_M = d_y x^T, where j <= i                d_G += d_M times decay and dt
 *     d_x = M^T d_y + out V, V = B K             d_C += in T, T = d_y S^T
 *                                                d_B += out U, U = x K^T
 *
 * and after the last head d_C += d_G B, d_B += d_G^T C. While one head is computed, the numbers of
 * the next one are being loaded. */
#include "training/training_kernels.h"

#include "fused_scan.h"
#include "training/chunk_memory.h"

using namespace bsm_chunk;

namespace
{

/* ---- Inside the chunk ---- */

/* Compute the warp's tile of G = C B^T. */
template <uint32_t P, uint32_t N>
__device__ void correlate(const block_place &w, memory<P, N> &m, bsm_sums *G)
{
    if (!has_scores(w)) {
        return;
    }
    BSM_UNROLL
    for (uint32_t k = 0; k < N; k += TILE) {
        uint32_t C[4], B[4];
        load_by_rows<false>(C, m.C, w.row * TILE, k);
        load_by_columns<false>(B, m.B, w.slice * TILE, k);
        multiply_two(G, C, B);
    }
}

/* What the rows of a lane's sums contribute to the gradient w.r.t. cum, and their columns to that
 * w.r.t. dt. */
struct score_sums {
    float row[2], column[4];
};

/* Process sum `e` of the lane in the warp's tile of scores: add to d_G and to the sums of rows and
 * columns; return M there. */
__device__ float score(const bsm_fused_scan_backward &b, const block_place &w, head_numbers *n,
                       uint32_t head, uint32_t e, float G, float d_M, float *d_G, score_sums *s)
{
    const uint32_t i = w.step(e % 4 / 2);
    const uint32_t j = w.slice * TILE + e / 4 * 8 + w.lane_column + e % 2;
    const float dt = n->dt[j], decay = j <= i ? expf(n->cum[i] - n->cum[j]) : 0.0f;
    /* the gradient w.r.t. (decay * dt), times the decay */
    const float by_factor = d_M * G * decay;
    *d_G += d_M * decay * dt;
    if (j < i) {
        s->row[e % 4 / 2] += by_factor * dt;
        s->column[e / 4 * 2 + e % 2] += by_factor;
    }
    if (i == j) {
        n->diagonal[i] = by_factor;
        b.gradients.diagonal[first_step(b, head) + i] = d_M;
    }
    return G * decay * dt + (i == j ? b.D[head] : 0.0f);
}

/* Sum up a tile's columns over the lanes; the lanes of the first row store the sums. */
__device__ void store_columns(const block_place &w, head_numbers *n, const score_sums &s)
{
    BSM_UNROLL
    for (uint32_t c = 0; c < 4; c++) {
        float sum = s.column[c];
        for (uint32_t lanes = 4; lanes < BSM_WARP; lanes *= 2) {
            sum += __shfl_xor_sync(BSM_ALL_LANES, sum, lanes);
        }
        if (w.lane_row == 0) {
            n->by_dt[w.row][w.slice * TILE + c / 2 * 8 + w.lane_column + c % 2] = sum;
        }
    }
}

/* Compute d_M of the warp's tile, and everything that follows from it. */
template <uint32_t P, uint32_t N>
__device__ score_sums scores_backward(const bsm_fused_scan_backward &b, const block_place &w,
                                      memory<P, N> &m, uint32_t head, sums<P, N> *own)
{
    score_sums s = {};
    if (!has_scores(w)) {
        return s;
    }
    row_memory<P> &rows = m.rows[head % 2];
    bsm_sums d_M[2] = {};
    BSM_UNROLL
    for (uint32_t k = 0; k < P; k += TILE) {
        uint32_t d_y[4], x[4];
        load_by_rows<false>(d_y, rows.d_y, w.row * TILE, k);
        load_by_columns<false>(x, rows.x, w.slice * TILE, k);
        multiply_two(d_M, d_y, x);
    }
    BSM_UNROLL
    for (uint32_t e = 0; e < 8; e += 2) {
        float M[2];
        BSM_UNROLL
        for (uint32_t f = 0; f < 2; f++) {
            const uint32_t c = e % 4 + f;
            M[f] = score(b, w, &m.numbers[head % 2], head, e + f, own->G[e / 4].c[c],
                         d_M[e / 4].c[c], &own->d_G[e / 4].c[c], &s);
        }
        bsm_store_pair(m.M.at(w.step(e % 4 / 2), w.slice * TILE + e / 4 * 8 + w.lane_column),
                       bsm_pair(M[0], M[1]));
    }
    store_columns(w, &m.numbers[head % 2], s);
    return s;
}

/* d_x += M^T d_y, for the warp's 16 columns. */
template <uint32_t P, uint32_t N>
__device__ void input_inside(const block_place &w, memory<P, N> &m, uint32_t head, bsm_sums *d_x)
{
    for (uint32_t i = w.row * TILE; i < w.steps; i += TILE) {
        uint32_t M[4], d_y[4];
        load_by_columns<true>(M, m.M, i, w.row * TILE);
        load_by_rows<true>(d_y, m.rows[head % 2].d_y, i, w.slice * TILE);
        multiply_two(d_x, M, d_y);
    }
}

/* ---- States ---- */

/* The warp's columns of rows * states^T, for the warp's steps of `rows`. */
template <uint32_t P, uint32_t N>
__device__ void by_state(const block_place &w, matrix<STEPS, P> &rows, matrix<N, P> &states,
                         bsm_sums *product)
{
    BSM_UNROLL
    for (uint32_t k = 0; k < P; k += TILE) {
        uint32_t a[4];
        load_by_rows<false>(a, rows, w.row * TILE, k);
        for_columns<N>(w, [&](uint32_t column, uint32_t t) {
            uint32_t state[4];
            load_by_columns<false>(state, states, column, k);
            multiply_two(product + t, a, state);
        });
    }
}

/* d_C += in T. The sums over each row of (in T) times C belong to the gradient w.r.t. cum, and are
 * added to row_sums. */
template <uint32_t P, uint32_t N>
__device__ void before_backward(const bsm_fused_scan_backward &b, const block_place &w,
                                block_memory<P, N, true> &m, uint32_t head, sums<P, N> *own,
                                float *row_sums)
{
    const head_numbers &n = m.numbers[head % 2];
    bsm_sums T[2 * slice<N>::COUNT] = {};
    by_state(w, m.rows[head % 2].d_y, m.S, T);
    const bsm_bf16 *C = chunk_BC<N>(b, true);
    for_columns<N>(w, [&](uint32_t column, uint32_t t) {
        BSM_UNROLL
        for (uint32_t e = 0; e < 8; e += 2) {
            const uint32_t i = w.step(e % 4 / 2), place = column + e / 4 * 8 + w.lane_column;
            const uint32_t pair = bsm_load_pair(C + i * 2 * N + place);
            const float *two = &T[t + e / 4].c[e % 4], in = n.in[i];
            float *d_C = &own->d_C[t + e / 4].c[e % 4];
            d_C[0] += in * two[0];
            d_C[1] += in * two[1];
            row_sums[e % 4 / 2] += in * (bsm_first(pair) * two[0] + bsm_second(pair) * two[1]);
        }
    });
}

/* d_B += out U */
template <uint32_t P, uint32_t N>
__device__ void behind_backward(const block_place &w, block_memory<P, N, true> &m, uint32_t head,
                                sums<P, N> *own)
{
    const head_numbers &n = m.numbers[head % 2];
    const float out[2] = {n.out[w.step(0)], n.out[w.step(1)]};
    bsm_sums U[2 * slice<N>::COUNT] = {};
    by_state(w, m.rows[head % 2].x, m.K, U);
    BSM_UNROLL
    for (uint32_t e = 0; e < 2 * slice<N>::COUNT * 4; e++) {
        own->d_B[e / 4].c[e % 4] += out[e % 4 / 2] * U[e / 4].c[e % 4];
    }
}

/* d_x = out V, for the warp's 16 columns; the lane's parts of x.V are added to `left`. */
template <uint32_t P, uint32_t N>
__device__ void input_behind(const block_place &w, block_memory<P, N, true> &m, uint32_t head,
                             bsm_sums *d_x, float *left)
{
    const head_numbers &n = m.numbers[head % 2];
    BSM_UNROLL
    for (uint32_t k = 0; k < N; k += TILE) {
        uint32_t B[4], K[4];
        load_by_rows<false>(B, m.B, w.row * TILE, k);
        load_by_rows<true>(K, m.K, k, w.slice * TILE);
        multiply_two(d_x, B, K);
    }
    BSM_UNROLL
    for (uint32_t e = 0; e < 8; e += 2) {
        const uint32_t half = e % 4 / 2, column = w.slice * TILE + e / 4 * 8 + w.lane_column;
        const uint32_t x = bsm_load_pair(m.rows[head % 2].x.at(w.step(half), column));
        float *V = &d_x[e / 4].c[e % 4], out = n.out[w.step(half)];
        left[half] += bsm_first(x) * V[0] + bsm_second(x) * V[1];
        V[0] *= out;
        V[1] *= out;
    }
}

/* Return the warp's part of <S, K>. Each thread multiplies the numbers that it will itself
 * overwrite with the next head's, so that no barrier is needed before that. */
template <uint32_t P, uint32_t N> __device__ float states_product(block_memory<P, N, true> &m)
{
    float sum = 0;
    for (uint32_t v = threadIdx.x; v < N * (P / 8); v += THREADS) {
        const uint32_t row = v / (P / 8), column = v % (P / 8) * 8;
        const bsm_bf16 *S = m.S.at(row, column), *K = m.K.at(row, column);
        BSM_UNROLL
        for (uint32_t i = 0; i < 8; i += 2) {
            const uint32_t s = bsm_load_pair(S + i), k = bsm_load_pair(K + i);
            sum += bsm_first(s) * bsm_first(k) + bsm_second(s) * bsm_second(k);
        }
    }
    return bsm_warp_sum(sum);
}

/* ---- What a head gives ---- */

/* to[step] = the sums of the rows' numbers, over the four lanes that share each row. */
__device__ void store_rows(const block_place &w, float *to, const float *numbers)
{
    BSM_UNROLL
    for (uint32_t half = 0; half < 2; half++) {
        float sum = numbers[half];
        sum += __shfl_xor_sync(BSM_ALL_LANES, sum, 1);
        sum += __shfl_xor_sync(BSM_ALL_LANES, sum, 2);
        if (w.lane_column == 0) {
            to[w.step(half)] = sum;
        }
    }
}

template <uint32_t P>
__device__ void store_input(const bsm_fused_scan_backward &b, const block_place &w, uint32_t head,
                            const bsm_sums *d_x)
{
    BSM_UNROLL
    for (uint32_t e = 0; e < 8; e += 2) {
        bsm_bf16 *to = (bsm_bf16 *)b.d_x + (first_step(b, head) + w.step(e % 4 / 2)) * P +
                       w.slice * TILE + e / 4 * 8 + w.lane_column;
        bsm_store_pair(to, bsm_pair(d_x[e / 4].c[e % 4], d_x[e / 4].c[e % 4 + 1]));
    }
}

/* Compute the gradients of the decays from the warps' sums, with one warp. */
template <bool STATES>
__device__ void store_gradients(const bsm_fused_scan_backward &b, uint32_t head,
                                const head_numbers &n)
{
    const uint32_t lane = threadIdx.x % BSM_WARP, chunk = b.steps.chunk;
    const float last = n.cum[STEPS - 1];
    float all = 0;
    for (uint32_t i = lane; i < chunk; i += BSM_WARP) {
        float by_dt = 0, by_cum = 0, left = 0;
        for (uint32_t r = i / TILE; r < chunk / TILE; r++) {
            by_dt += n.by_dt[r][i];
        }
        for (uint32_t s = 0; s < SLICES; s++) {
            by_cum += n.by_cum[s][i];
            left += STATES ? n.left[s][i] : 0.0f;
        }
        by_cum -= by_dt * n.dt[i] + left * n.out[i];
        all += left * n.out[i];
        const size_t at = first_step(b, head) + i;
        b.gradients.d_dt[at] = by_dt + n.diagonal[i] + left * expf(last - n.cum[i]);
        b.gradients.d_cum[at] = by_cum;
    }
    if (STATES) {
        const float product = lane < WARPS ? n.states[lane] : 0.0f;
        all = bsm_warp_sum(all + expf(last) * product);
        if (lane == 0) {
            b.gradients.d_all[(size_t)blockIdx.x * b.shape.heads + head] = all;
        }
    }
}

/* ---- All of it ---- */

__device__ block_place place_of(const bsm_fused_scan_backward &b)
{
    const uint32_t warp = threadIdx.x / BSM_WARP, lane = threadIdx.x % BSM_WARP;
    block_place w;
    w.row = warp / SLICES, w.slice = warp % SLICES;
    w.lane_row = lane / 4, w.lane_column = lane % 4 * 2;
    w.steps = b.steps.chunk;
    w.works = w.row * TILE < w.steps;
    return w;
}

/* Compute the gradient w.r.t. x, and everything else that needs K. */
template <uint32_t P, uint32_t N, bool STATES>
__device__ void input_backward(const bsm_fused_scan_backward &b, const block_place &w,
                               block_memory<P, N, STATES> &m, uint32_t head, sums<P, N> *own)
{
    const bool has_input = w.slice * TILE < P;
    bsm_sums d_x[2] = {};
    if constexpr (STATES) {
        float left[2] = {};
        behind_backward(w, m, head, own);
        if (has_input) {
            input_behind(w, m, head, d_x, left);
        }
        store_rows(w, m.numbers[head % 2].left[w.slice], left);
    }
    if (has_input) {
        input_inside(w, m, head, d_x);
        store_input<P>(b, w, head, d_x);
    }
}

/* Process a head whose x and d_y have arrived; S and K are still being copied, in this order. */
template <uint32_t P, uint32_t N, bool STATES>
__device__ void head_backward(const bsm_fused_scan_backward &b, const block_place &w,
                              block_memory<P, N, STATES> &m, uint32_t head, sums<P, N> *own)
{
    score_sums s = scores_backward(b, w, m, head, own);
    if constexpr (STATES) {
        bsm_wait_for_copies<2>(); /* S has arrived; K and the next rows may be on their way */
    }
    __syncthreads();
    if (w.works) {
        if constexpr (STATES) {
            before_backward(b, w, m, head, own, s.row);
        }
        store_rows(w, m.numbers[head % 2].by_cum[w.slice], s.row);
    }
    if constexpr (STATES) {
        bsm_wait_for_copies<1>(); /* K has arrived */
        __syncthreads();
        const float product = states_product(m);
        if (threadIdx.x % BSM_WARP == 0) {
            m.numbers[head % 2].states[threadIdx.x / BSM_WARP] = product;
        }
        fetch_state<P, N>(b, head + 1, b.before, &m.S);
    }
    if (w.works) {
        input_backward(b, w, m, head, own);
    }
}

/* d_C += d_G B, d_B += d_G^T C */
template <uint32_t P, uint32_t N>
__device__ void correlation_backward(const bsm_fused_scan_backward &b, const block_place &w,
                                     memory<P, N> &m, sums<P, N> *own)
{
    fetch_BC<N>(b, &m.C, true);
    bsm_commit_copies();
    if (has_scores(w)) {
        BSM_UNROLL
        for (uint32_t e = 0; e < 8; e += 2) {
            const float *two = &own->d_G[e / 4].c[e % 4];
            bsm_store_pair(m.M.at(w.step(e % 4 / 2), w.slice * TILE + e / 4 * 8 + w.lane_column),
                           bsm_pair(two[0], two[1]));
        }
    }
    bsm_wait_for_copies<0>();
    __syncthreads();
    for (uint32_t step = 0; step < w.steps && w.works; step += TILE) {
        uint32_t d_G[4];
        const bool for_C = step <= w.row * TILE, for_B = step >= w.row * TILE;
        for_columns<N>(w, [&](uint32_t column, uint32_t t) {
            uint32_t other[4];
            if (for_C) {
                load_by_rows<false>(d_G, m.M, w.row * TILE, step);
                load_by_rows<true>(other, m.B, step, column);
                multiply_two(&own->d_C[t], d_G, other);
            }
            if (for_B) {
                load_by_columns<true>(d_G, m.M, step, w.row * TILE);
                load_by_rows<true>(other, m.C, step, column);
                multiply_two(&own->d_B[t], d_G, other);
            }
        });
    }
}

template <uint32_t P, uint32_t N>
__device__ void store_BC(const bsm_fused_scan_backward &b, const block_place &w,
                         const sums<P, N> &own)
{
    for_columns<N>(w, [&](uint32_t column, uint32_t t) {
        BSM_UNROLL
        for (uint32_t e = 0; e < 8; e++) {
            const size_t row = (size_t)blockIdx.x * w.steps + w.step(e % 4 / 2);
            float *to = b.d_BC + row * 2 * N + column + e / 4 * 8 + w.lane_column + e % 2;
            to[0] = own.d_B[t + e / 4].c[e % 4];
            to[N] = own.d_C[t + e / 4].c[e % 4];
        }
    });
}

template <uint32_t P, uint32_t N, bool STATES>
__global__ void __launch_bounds__(THREADS, STATES ? 1 : 2)
    fused_scan_backward(bsm_fused_scan_backward b)
{
    typedef block_memory<P, N, STATES> needed;
    BSM_SHARED(needed, m);
    const block_place w = place_of(b);
    /* The gradients are stored by a warp that has no tile of the scores. */
    const bool stores = threadIdx.x / BSM_WARP == SLICES - 1;
    sums<P, N> own = {};
    if (threadIdx.x == 0) {
        m.chunk = bsm_chunk_at(b.steps, blockIdx.x);
    }
    fetch_BC<N>(b, &m.B, false);
    fetch_BC<N>(b, &m.C, true);
    bsm_commit_copies();
    bsm_wait_for_copies<0>();
    __syncthreads();
    correlate(w, m, own.G);
    __syncthreads();
    fetch_rows<P>(b, m.chunk, 0, &m.rows[0]);
    if constexpr (STATES) {
        fetch_state<P, N>(b, 0, b.before, &m.S);
    }
    float decay = fetch_decay(b, 0);
    for (uint32_t head = 0; head < b.shape.heads; head++) {
        store_decay(&m.numbers[head % 2], decay);
        bsm_wait_for_copies<STATES ? 1 : 0>(); /* the rows have arrived */
        __syncthreads();
        if (stores && head > 0) {
            store_gradients<STATES>(b, head - 1, m.numbers[(head - 1) % 2]);
        }
        if constexpr (STATES) {
            fetch_state<P, N>(b, head, b.d_behind, &m.K);
        }
        fetch_rows<P>(b, m.chunk, head + 1, &m.rows[(head + 1) % 2]);
        decay = fetch_decay(b, head + 1);
        head_backward(b, w, m, head, &own);
    }
    __syncthreads();
    if (stores) {
        store_gradients<STATES>(b, b.shape.heads - 1, m.numbers[(b.shape.heads - 1) % 2]);
    }
    correlation_backward(b, w, m, &own);
    if (w.works) {
        store_BC(b, w, own);
    }
}

template <uint32_t P, uint32_t N, bool STATES>
void launch(bsm_kernel_queue queue, const bsm_fused_scan_backward &scan)
{
    typedef block_memory<P, N, STATES> needed;
    const bsm_fused_scan_backward b = scan;
    static_assert(sizeof(needed) <= 99 * 1024, "more than every GPU has");
    BSM_LAUNCH_SHARED((fused_scan_backward<P, N, STATES>), needed,
                      b.steps.sequences * b.steps.chunks, THREADS, queue.stream, b);
}

} // namespace

void bsm_kernel_fused_scan_backward(bsm_kernel_queue queue, const bsm_fused_scan_backward *scan)
{
    const bsm_fused_scan_backward b = *scan;
    if (b.before) {
        bsm_fused_states_backward(queue, b);
    }
    bsm_fused::with_shape(b.shape.headdim, b.shape.d_state, [&](auto shape) {
        if (b.before) {
            launch<shape.P, shape.N, true>(queue, b);
        } else {
            launch<shape.P, shape.N, false>(queue, b);
        }
    });
}
