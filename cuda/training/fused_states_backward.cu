/* SPDX-License-Identifier: ISC */
/* The gradients w.r.t. the states in bfloat16. A thread block walks along the chunks of one head of
 * a sequence from the last to the first, as ../fused_scan.cu does from the first to the last, and
 * holds the gradient D in registers. From the state after a chunk to the one before it,
 *
 *     D' = exp(cum of the last step) D + (in C)^T d_y
 */
#include "fused_scan.h"
#include "training/training_kernels.h"

using namespace bsm_fused;

/* What a chunk adds to the gradient. `advance` computes it like a state: C and d_y are in the
 * members for B and x, and `in` is in that for `out`. */
template <uint32_t P, uint32_t N> struct alignas(16) added_memory {
    padded<P> x[STEPS];
    padded<N> B[STEPS];
    float cum[STEPS], out[STEPS];
};

/* Load what the chunk adds; d_y is zero after the chunk's end. */
template <uint32_t P, uint32_t N>
__device__ void load_gradients(const bsm_fused_scan_backward &b, const head_place &h,
                               added_memory<P, N> *m)
{
    const uint32_t chunk = b.steps.chunk, inner = bsm_shape_inner(b.shape);
    const bsm_bf16 *C = (const bsm_bf16 *)b.BC + h.chunk * chunk * 2 * N + N;
    for (uint32_t v = threadIdx.x; v < STEPS * (N / 8); v += THREADS) {
        const uint32_t i = v / (N / 8), column = v % (N / 8) * 8;
        bsm_copy_eight(&m->B[i][column], i < chunk ? C + i * 2 * N + column : NULL);
    }
    for (uint32_t v = threadIdx.x; v < STEPS * (P / 8); v += THREADS) {
        const uint32_t i = v / (P / 8), column = v % (P / 8) * 8;
        const bsm_bf16 *d_y = NULL;
        if (i < h.place.length) {
            const size_t row = bsm_step_row(b.steps, h.sequence, h.place.first + i);
            d_y = (const bsm_bf16 *)b.d_y + row * inner + h.head * P + column;
        }
        bsm_copy_eight(&m->x[i][column], d_y);
    }
    const size_t at = (h.chunk * b.shape.heads + h.head) * chunk;
    if (threadIdx.x < STEPS) {
        const uint32_t i = threadIdx.x, last = chunk - 1;
        m->out[i] = i < chunk ? b.decays.in[at + i] : 0.0f;
        m->cum[i] = (float)b.decays.cum[at + (i < chunk ? i : last)];
    }
}

template <uint32_t P, uint32_t N>
__device__ void store_gradient(const bsm_fused_scan_backward &b, const head_place &h,
                               state<P, N> *state)
{
    for_rows(h, state, [&](uint32_t row, const bsm_sums *S, uint32_t two) {
        const size_t at = (h.chunk * N + row) * bsm_shape_inner(b.shape) + h.head * P;
        bsm_bf16 *to = (bsm_bf16 *)b.d_behind + at + h.lane_column;
        BSM_UNROLL
        for (uint32_t p = 0; p < P / 8; p++) {
            bsm_store_pair(to + p * 8, bsm_pair(S[p].c[two], S[p].c[two + 1]));
        }
    });
}

template <uint32_t P, uint32_t N>
__global__ void __launch_bounds__(THREADS) fused_states_backward(bsm_fused_scan_backward b)
{
    __shared__ added_memory<P, N> m;
    const uint32_t lane = threadIdx.x % BSM_WARP;
    head_place h = {};
    h.sequence = blockIdx.x / b.shape.heads, h.head = blockIdx.x % b.shape.heads;
    h.lane_row = lane / 4, h.lane_column = lane % 4 * 2;
    state<P, N> state = {};
    for (uint32_t c = b.steps.chunks; c-- > 0;) {
        h.chunk = (size_t)h.sequence * b.steps.chunks + c;
        h.place = bsm_chunk_at(b.steps, (uint32_t)h.chunk);
        store_gradient(b, h, &state);
        if (c > 0) {
            load_gradients(b, h, &m);
            __syncthreads();
            advance(h, m.x, m.B, m.cum, m.out, &state);
            __syncthreads();
        }
    }
}

template <uint32_t P, uint32_t N>
static void launch(bsm_kernel_queue queue, const bsm_fused_scan_backward &b)
{
    const bsm_fused_scan_backward copy = b;
    const unsigned int blocks = b.steps.sequences * b.shape.heads;
    BSM_LAUNCH((fused_states_backward<P, N>), blocks, THREADS, queue.stream, copy);
}

void bsm_fused_states_backward(bsm_kernel_queue queue, const bsm_fused_scan_backward &b)
{
    with_shape(b.shape.headdim, b.shape.d_state,
               [&](auto shape) { launch<shape.P, shape.N>(queue, b); });
}
