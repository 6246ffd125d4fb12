/* SPDX-License-Identifier: ISC */
/* The scan of sequences that are a single chunk, without a state before or after it. A thread block
 * computes a few heads of one sequence, which share B, C and their products. It requests all its
 * inputs at once. */
#include "fused_scan.h"
#include "fused_scan_out.h"

using namespace bsm_fused;

enum { MOST_HEADS = 2 }; /* heads of a block */
enum { TILES = STEPS / TILE };

/* A head's x before its convolution, and later its y before it is written. */
template <uint32_t P> union way_through {
    raw_memory<P> raw;
    rows_out<P> out[WARPS];
};

/* The shared memory of all heads of the block. B and x share memory, because B is no longer read
 * when x is written. */
template <uint32_t P, uint32_t N> struct alignas(16) short_memory {
    union {
        padded<N> B[STEPS];
        padded<P> x[MOST_HEADS][STEPS];
    };
    way_through<P> ways[MOST_HEADS];
    weight_memory<P> weights[MOST_HEADS];
    decay_memory decays[MOST_HEADS];
};

template <uint32_t N>
__device__ void fetch_B(const bsm_fused_scan &s, uint32_t sequence, padded<N> *B)
{
    const uint32_t PER_ROW = N / 8, TURN = THREADS / PER_ROW;
    const uint32_t first = threadIdx.x / PER_ROW, column = threadIdx.x % PER_ROW * 8;
    const bsm_bf16 *from =
        (const bsm_bf16 *)s.BC + ((size_t)sequence * s.steps.chunk + first) * 2 * N + column;
    BSM_UNROLL
    for (uint32_t turn = 0; turn < STEPS / TURN; turn++) {
        bsm_copy_eight_later(&B[first + turn * TURN][column], from + turn * TURN * 2 * N,
                             first + turn * TURN < s.steps.chunk);
    }
}

/* Load the warp's 16 rows of C as fragments `a`. */
template <uint32_t N>
__device__ void load_C(const bsm_fused_scan &s, const head_place &h, uint32_t first,
                       uint32_t (*C)[4])
{
    const size_t row = (size_t)h.sequence * s.steps.chunk + first + h.lane_row;
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

/* Load all inputs of the block except C. Each head's decays are computed by one warp. */
template <uint32_t P, uint32_t N>
__device__ void load_heads(const bsm_fused_scan &s, const head_place &h, uint32_t heads,
                           short_memory<P, N> *m)
{
    fetch_B<N>(s, h.sequence, m->B);
    for (uint32_t head = 0; head < heads; head++) {
        fetch_rows(s, h.place, h.head + head, &m->ways[head].raw);
    }
    bsm_commit_copies();
    for (uint32_t head = 0; head < heads; head++) {
        load_weights(s, h.head + head, &m->weights[head]);
    }
    const uint32_t mine = threadIdx.x / BSM_WARP;
    if (mine < heads) {
        make_decays(s, h.place, h.head + mine, &m->decays[mine]);
    }
}

/* G = C B^T of the warp's 16 steps with all steps up to them. */
template <uint32_t N>
__device__ void correlate_all(uint32_t first, const uint32_t (*C)[4], const padded<N> *B,
                              bsm_sums (*G)[2])
{
    BSM_UNROLL
    for (uint32_t k = 0; k < N / TILE; k++) {
        BSM_UNROLL
        for (uint32_t tile = 0; tile < TILES; tile++) {
            if (tile * TILE <= first) {
                const bsm_bf16 *at = B[tile * TILE] + k * TILE;
                uint32_t columns[4];
                bsm_load_matrices<false>(columns, bsm_tile_by_columns(at, N + GAP));
                bsm_multiply(&G[tile][0], C[k], columns);
                bsm_multiply(&G[tile][1], C[k], columns + 2);
            }
        }
    }
}

/* Compute y of the warp's 16 steps for one head. G is C B^T with all steps up to those. */
template <uint32_t P>
__device__ void make_short_y(const bsm_fused_scan &s, const head_place &h, uint32_t first,
                             const decay_memory &decays, const padded<P> *x, const bsm_sums (*G)[2],
                             rows_out<P> *out)
{
    const float D = s.D[h.head];
    bsm_sums y[P / 8] = {};
    BSM_UNROLL
    for (uint32_t tile = 0; tile < TILES; tile++) {
        if (tile * TILE <= first) {
            bsm_sums scores[2] = {G[tile][0], G[tile][1]};
            add_scored<P>(h, decays, D, first, tile * TILE, x, scores, y);
        }
    }
    store_y<P>(s, h, first, y, out);
}

template <uint32_t P, uint32_t N>
__global__ void __launch_bounds__(THREADS, 5) fused_scan_short(bsm_fused_scan s, uint32_t per_block)
{
    __shared__ short_memory<P, N> m;
    const uint32_t lane = threadIdx.x % BSM_WARP, first = first_step();
    const uint32_t blocks = (s.shape.heads + per_block - 1) / per_block;
    head_place h = {};
    h.sequence = blockIdx.x / blocks, h.head = blockIdx.x % blocks * per_block;
    h.lane_row = lane / 4, h.lane_column = lane % 4 * 2;
    h.place = {h.sequence, 0, s.steps.steps};
    const uint32_t left = s.shape.heads - h.head, heads = left < per_block ? left : per_block;
    const bool works = first < h.place.length;
    uint32_t C[N / TILE][4] = {};
    if (works) {
        load_C<N>(s, h, first, C);
    }
    load_heads(s, h, heads, &m);
    prefetch_gates<P>(s, h, heads);
    bsm_wait_for_copies<0>();
    __syncthreads();
    bsm_sums G[TILES][2] = {};
    if (works) {
        correlate_all<N>(first, C, m.B, G);
    }
    __syncthreads();
    for (uint32_t head = 0; head < heads; head++, h.head++) {
        convolve(m.ways[head].raw, m.weights[head], m.x[head]);
        __syncthreads();
        if (works) {
            make_short_y<P>(s, h, first, m.decays[head], m.x[head], G,
                            &m.ways[head].out[threadIdx.x / BSM_WARP]);
        }
    }
}

/* If there are few sequences, a block computes only one head, so that all multiprocessors have
 * work. */
template <uint32_t P, uint32_t N>
static void launch(bsm_kernel_queue queue, const bsm_fused_scan &scan)
{
    enum { MANY = 2048 };
    const bsm_fused_scan s = scan;
    const uint32_t heads = s.shape.heads;
    const uint32_t per_block = s.steps.sequences * heads >= MANY ? MOST_HEADS : 1;
    BSM_LAUNCH((fused_scan_short<P, N>), s.steps.sequences * ((heads + per_block - 1) / per_block),
               THREADS, queue.stream, s, per_block);
}

void bsm_fused_scan_short(bsm_kernel_queue queue, const bsm_fused_scan &scan)
{
    with_shape(scan.shape.headdim, scan.shape.d_state,
               [&](auto shape) { launch<shape.P, shape.N>(queue, scan); });
}
