/* SPDX-License-Identifier: ISC */
/* The parts of the chunked scan that are not matrix products. */
#include "steps.h"
#include "value.h"

enum { THREADS = 256 };

/* One thread block per chunk and head. */
template <class T> __global__ void scores(bsm_scores s)
{
    const size_t at = blockIdx.x, c = at / s.heads, square = (size_t)s.chunk * s.chunk;
    const float D = s.D[at % s.heads];
    const float *G = s.G + c * square, *dt = s.decays.dt + at * s.chunk;
    const double *cum = s.decays.cum + at * s.chunk;
    T *M = (T *)s.M + at * square;
    for (uint32_t e = threadIdx.x; e < s.chunk * s.chunk; e += blockDim.x) {
        const uint32_t i = e / s.chunk, j = e % s.chunk;
        float score = j <= i ? G[e] * expf((float)(cum[i] - cum[j])) * dt[j] : 0.0f;
        score += i == j ? D : 0.0f;
        M[e] = bsm_value<T>::from(score);
    }
}

void bsm_kernel_scores(bsm_kernel_queue queue, const bsm_scores *scores_)
{
    const bsm_scores s = *scores_;
    const unsigned int blocks = s.chunks * s.heads;
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(scores<bsm_bf16>, blocks, THREADS, queue.stream, s);
    } else {
        BSM_LAUNCH_FLAT(scores<float>, blocks, THREADS, queue.stream, s);
    }
}

/* One thread per number of a sequence's state, which walks along the chunks. */
template <class T> __global__ void pass_states(bsm_pass_states p)
{
    const uint32_t inner = bsm_shape_inner(p.shape), chunks = p.steps.chunks;
    const size_t size = (size_t)p.shape.d_state * inner;
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= p.steps.sequences * size) {
        return;
    }
    const size_t sequence = index / size, place = index % size;
    const uint32_t head = (uint32_t)(place % inner) / p.shape.headdim;
    float state = p.first ? p.first[index] : 0.0f;
    for (uint32_t c = 0; c < chunks; c++) {
        const size_t chunk = sequence * chunks + c, at = chunk * size + place;
        const float added = p.added[at];
        ((T *)p.before)[at] = bsm_value<T>::from(state);
        state = p.all[chunk * p.shape.heads + head] * state + added;
        if (p.kept && c + 1 == p.steps.split_chunks) {
            p.kept[index] = state;
        }
    }
}

void bsm_kernel_pass_states(bsm_kernel_queue queue, const bsm_pass_states *pass)
{
    const bsm_pass_states p = *pass;
    const size_t count = (size_t)p.steps.sequences * p.shape.d_state * bsm_shape_inner(p.shape);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(pass_states<bsm_bf16>, bsm_blocks_for(count, THREADS), THREADS,
                        queue.stream, p);
    } else {
        BSM_LAUNCH_FLAT(pass_states<float>, bsm_blocks_for(count, THREADS), THREADS, queue.stream,
                        p);
    }
}

/* ---- What it gives ---- */

/* One thread per number of y. */
template <class T> __global__ void collect(bsm_collect c)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t inner = bsm_shape_inner(c.shape), P = c.shape.headdim;
    const uint32_t step = (uint32_t)(index / inner), i = (uint32_t)(index % inner);
    if (step >= c.steps.sequences * c.steps.steps) {
        return;
    }
    const uint32_t sequence = step / c.steps.steps;
    uint32_t place;
    const size_t chunk = bsm_chunk_of(c.steps, sequence, step % c.steps.steps, &place);
    const size_t at = (chunk * c.shape.heads + i / P) * c.steps.chunk + place;
    float y = c.inside[at * P + i % P];
    if (c.outside) {
        y += c.in[at] * c.outside[(chunk * c.steps.chunk + place) * inner + i];
    }
    const size_t row = bsm_step_row(c.steps, sequence, step % c.steps.steps);
    ((T *)c.y)[row * inner + i] = bsm_value<T>::from(y);
}

void bsm_kernel_collect(bsm_kernel_queue queue, const bsm_collect *collect_)
{
    const bsm_collect c = *collect_;
    const size_t count = (size_t)c.steps.sequences * c.steps.steps * bsm_shape_inner(c.shape);
    const unsigned int blocks = bsm_blocks_for(count, THREADS);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(collect<bsm_bf16>, blocks, THREADS, queue.stream, c);
    } else {
        BSM_LAUNCH_FLAT(collect<float>, blocks, THREADS, queue.stream, c);
    }
}
