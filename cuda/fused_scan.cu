/* SPDX-License-Identifier: ISC */
/* The scan in bfloat16 as one kernel. A thread block walks along the chunks of one head of a
 * sequence and holds the state S in registers, as sums of fragments. Apart from small vectors and
 * optional states, it reads only the projected rows, B and C, and writes only y: it computes the
 * convolution of x, the decays and the gate itself. A chunk has 64 steps, which four warps share:
 * each computes y of 16 steps and a quarter of the state's rows. With `in` and `out` as in
 * bsm_decays, a chunk computes
 *
 *     y  = (C B^T, decayed and masked, + D) x + in C S
 *     S' = exp(cum of the last step) S + (out B)^T x
 *
 * The drawing shows one turn of the loop, for chunk c; time runs to the right. The line "copies"
 * names what is copied to shared memory in the background between two barriers, the line "warps"
 * what the warps compute meanwhile, and the last lines what is complete at each barrier:
 *
 *     copies   |  B, C of chunk c          | raw x of chunk c + 1                  |
 *     warps    |  S to shared; convolve x  | y (one warp: decays of c + 1); S = S' |
 *              ^ raw x, decays complete    ^ x, B, C, S complete                   ^ next turn
 *              barrier                     barrier                                 barrier
 *
 * The table lists where data lies during a turn; m is the block's shared memory:
 *
 *     memory              holds                           written by          read by
 *     registers           state S, float32                its warp            its warp
 *     m.S                 S before the chunk, bfloat16    all warps           all warps (in C S)
 *     m.x, m.B            the chunk's inputs              all warps; copies   all warps
 *     m.C[t]              16 rows of C, then their y      copies; one warp    the same warp
 *     m.raw, m.decays[]   the next chunk's inputs         copies; one warp    all warps, next turn
 *
 * If there is no state to pass on, fused_scan_short.cu does the work. */
#include "fused_scan.h"
#include "fused_scan_out.h"

using namespace bsm_fused;

/* The rows of C that one warp reads. After it has computed their y, it writes y out by way of the
 * same memory. */
template <uint32_t P, uint32_t N> union C_tile {
    padded<N> rows[TILE];
    rows_out<P> out;
};

/* A chunk of a head, and the state before it. `decays` are those of this chunk and of the next
 * one. */
template <uint32_t P, uint32_t N> struct alignas(16) chunk_memory {
    padded<P> x[STEPS];
    padded<N> B[STEPS];
    C_tile<P, N> C[STEPS / TILE];
    padded<P> S[N];
    raw_memory<P> raw;
    weight_memory<P> weights;
    decay_memory decays[2];
};

/* ---- What a chunk needs ---- */

/* Request B of the chunk and, if y is wanted, C. */
template <uint32_t P, uint32_t N>
__device__ void fetch_BC(const bsm_fused_scan &s, const head_place &h, chunk_memory<P, N> *m)
{
    const uint32_t PER_ROW = 2 * N / 8, TURN = THREADS / PER_ROW;
    const uint32_t first = threadIdx.x / PER_ROW, column = threadIdx.x % PER_ROW * 8;
    const bsm_bf16 *from =
        (const bsm_bf16 *)s.BC + (h.chunk * s.steps.chunk + first) * 2 * N + column;
    if (column < N || s.y) {
        BSM_UNROLL
        for (uint32_t turn = 0; turn < STEPS / TURN; turn++) {
            const uint32_t row = first + turn * TURN;
            padded<N> &to = column < N ? m->B[row] : m->C[row / TILE].rows[row % TILE];
            bsm_copy_eight_later(&to[column % N], from + turn * TURN * 2 * N, row < s.steps.chunk);
        }
    }
}

/* ---- y ---- */

/* The warp's 16 rows of C. As many columns as there are registers for are kept in registers; the
 * others are read from shared memory each time. */
template <uint32_t N> struct rows_of_C {
    static const uint32_t KEPT = N / TILE * 3 / 4;
    const bsm_bf16 *rows;
    uint32_t kept[KEPT][4];

    __device__ rows_of_C(const bsm_bf16 *from) : rows(from)
    {
        BSM_UNROLL
        for (uint32_t k = 0; k < KEPT; k++) {
            load(k, kept[k]);
        }
    }
    __device__ void load(uint32_t k, uint32_t *to) const
    {
        bsm_load_matrices<false>(to, bsm_tile_by_rows(rows + k * TILE, N + GAP));
    }
    /* Get the 16 columns from k * TILE on. */
    __device__ void take(uint32_t k, uint32_t *to) const
    {
        if (k >= KEPT) {
            load(k, to);
            return;
        }
        BSM_UNROLL
        for (uint32_t r = 0; r < 4; r++) {
            to[r] = kept[k][r];
        }
    }
};

/* y = in C S */
template <uint32_t P, uint32_t N>
__device__ void add_state(const head_place &h, const padded<P> *S, const float *cum,
                          const rows_of_C<N> &C, bsm_sums *y)
{
    BSM_UNROLL
    for (uint32_t k = 0; k < N / TILE; k++) {
        uint32_t a[4];
        C.take(k, a);
        add_product<P>(y, a, S[k * TILE]);
    }
    const float upper = bsm_quick_exp(cum[h.lane_row]);
    const float lower = bsm_quick_exp(cum[h.lane_row + 8]);
    BSM_UNROLL
    for (uint32_t p = 0; p < P / 8; p++) {
        y[p].c[0] *= upper, y[p].c[1] *= upper;
        y[p].c[2] *= lower, y[p].c[3] *= lower;
    }
}

/* G = a 16 x 16 tile of C B^T. Products with an even and with an odd k have sums of their own,
 * because products that add to the same sums wait for each other. */
template <uint32_t N>
__device__ void correlate(const rows_of_C<N> &C, const bsm_bf16 *B, bsm_sums *G)
{
    bsm_sums parts[2][2] = {};
    BSM_UNROLL
    for (uint32_t k = 0; k < N / TILE; k++) {
        uint32_t a[4], columns[4];
        C.take(k, a);
        bsm_load_matrices<false>(columns, bsm_tile_by_columns(B + k * TILE, N + GAP));
        bsm_multiply(&parts[k % 2][0], a, columns);
        bsm_multiply(&parts[k % 2][1], a, columns + 2);
    }
    BSM_UNROLL
    for (uint32_t e = 0; e < 8; e++) {
        G[e / 4].c[e % 4] = parts[0][e / 4].c[e % 4] + parts[1][e / 4].c[e % 4];
    }
}

template <uint32_t P, uint32_t N>
__device__ void make_y(const bsm_fused_scan &s, const head_place &h, const decay_memory &decays,
                       bool with_state, chunk_memory<P, N> *m)
{
    const uint32_t first = first_step();
    if (first >= h.place.length) {
        return;
    }
    const float D = s.D[h.head];
    C_tile<P, N> *tile = &m->C[first / TILE];
    rows_of_C<N> C(tile->rows[0]);
    bsm_sums y[P / 8] = {};
    if (with_state) {
        add_state<P, N>(h, m->S, decays.cum + first, C, y);
    }
    for (uint32_t column = 0; column <= first; column += TILE) {
        bsm_sums G[2];
        correlate<N>(C, m->B[column], G);
        add_scored<P>(h, decays, D, first, column, m->x, G, y);
    }
    __syncwarp(); /* all lanes must have read C before y overwrites it */
    store_y<P>(s, h, first, y, &tile->out);
}

/* ---- The state ---- */

/* The index of the lane's first number in a row of this head's state, in an array with the states
 * of all sequences or of all chunks; `which` is the sequence or the chunk. */
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

/* Copy the state to shared memory, where all warps read it. */
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

/* Write whole rows from shared memory, which is faster than each lane writing its own numbers. */
template <uint32_t P, uint32_t N>
__device__ void store_before(const bsm_fused_scan &s, const head_place &h, const padded<P> *S)
{
    const uint32_t PER_ROW = P / 8, TURN = THREADS / PER_ROW, inner = bsm_shape_inner(s.shape);
    const uint32_t first = threadIdx.x / PER_ROW, column = threadIdx.x % PER_ROW * 8;
    bsm_bf16 *to = (bsm_bf16 *)s.before + (h.chunk * N + first) * inner + h.head * P + column;
    BSM_UNROLL
    for (uint32_t turn = 0; turn < N / TURN; turn++) {
        bsm_copy_eight(to, &S[first + turn * TURN][column]);
        to += TURN * inner;
    }
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

/* Request a chunk's inputs and compute its decays while the chunk before it is computed. The decays
 * are the work of the warp whose steps of y take the least time. */
template <uint32_t P>
__device__ void prepare_chunk(const bsm_fused_scan &s, const head_place &h, uint32_t c,
                              raw_memory<P> *raw, decay_memory *decays)
{
    const bsm_cuda_chunk_place chunk = bsm_chunk_in(s.steps, h.sequence, c);
    fetch_rows(s, chunk, h.head, raw);
    bsm_commit_copies();
    if (first_step() == 0) {
        make_decays(s, chunk, h.head, decays);
    }
}

/* Wait until the copies of all threads have arrived and no thread still reads what they
 * replaced. */
__device__ static void wait_for_all()
{
    bsm_wait_for_copies<0>();
    __syncthreads();
}

/* Complete the chunk's inputs, so that y and the next state can be computed. */
template <uint32_t P, uint32_t N>
__device__ void complete_chunk(const bsm_fused_scan &s, const head_place &h, bool with_state,
                               chunk_memory<P, N> *m, state<P, N> *state)
{
    fetch_BC(s, h, m);
    bsm_commit_copies();
    if ((with_state && s.y) || s.before) {
        share_state(h, m, state);
    }
    convolve(m->raw, m->weights, m->x);
    wait_for_all();
}

template <uint32_t P, uint32_t N>
__global__ void __launch_bounds__(THREADS, 3) fused_scan(bsm_fused_scan s)
{
    typedef chunk_memory<P, N> needed;
    BSM_SHARED(needed, m);
    const uint32_t lane = threadIdx.x % BSM_WARP, chunks = s.steps.chunks;
    head_place h = {};
    h.sequence = blockIdx.x / s.shape.heads, h.head = blockIdx.x % s.shape.heads;
    h.lane_row = lane / 4, h.lane_column = lane % 4 * 2;
    prepare_chunk(s, h, 0, &m.raw, &m.decays[0]);
    load_weights(s, h.head, &m.weights);
    state<P, N> state;
    load_state(s, h, &state);
    wait_for_all();
    for (uint32_t c = 0; c < chunks; c++) {
        const decay_memory &decays = m.decays[c % 2];
        const bool with_state = c > 0 || s.first, last = c + 1 == chunks;
        const bool keep = s.kept && c + 1 == s.steps.split_chunks;
        h.chunk = (size_t)h.sequence * chunks + c;
        h.place = bsm_chunk_in(s.steps, h.sequence, c);
        prefetch_gates<P>(s, h, 1);
        complete_chunk(s, h, with_state, &m, &state);
        if (!last) {
            prepare_chunk(s, h, c + 1, &m.raw, &m.decays[(c + 1) % 2]);
        }
        if (s.before) {
            store_before<P, N>(s, h, m.S);
        }
        if (s.y) {
            make_y(s, h, decays, with_state, &m);
        }
        if (!last || keep) {
            advance(h, m.x, m.B, decays.cum, decays.out, &state);
        }
        if (keep) {
            keep_state(s, h, &state);
        }
        wait_for_all();
    }
}

template <uint32_t P, uint32_t N>
static void launch(bsm_kernel_queue queue, const bsm_fused_scan &scan)
{
    typedef chunk_memory<P, N> needed;
    const bsm_fused_scan s = scan;
    static_assert(sizeof(needed) <= 99 * 1024, "more than every GPU has");
    BSM_LAUNCH_SHARED((fused_scan<P, N>), needed, s.steps.sequences * s.shape.heads, THREADS,
                      queue.stream, s);
}

bool bsm_fused_scan_can(bsm_kernel_queue queue, bsm_mixer_shape shape)
{
    return queue.bf16 && shape.taps <= BSM_FEW_TAPS &&
           with_shape(shape.headdim, shape.d_state, [](auto) {});
}

void bsm_kernel_fused_scan(bsm_kernel_queue queue, const bsm_fused_scan *scan)
{
    if (scan->steps.chunks == 1 && !scan->first && !scan->kept && !scan->before) {
        bsm_fused_scan_short(queue, *scan);
        return;
    }
    with_shape(scan->shape.headdim, scan->shape.d_state,
               [&](auto shape) { launch<shape.P, shape.N>(queue, *scan); });
}
