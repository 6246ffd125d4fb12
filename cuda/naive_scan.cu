/* SPDX-License-Identifier: ISC */
/* The scan step by step, in the way of a loop of operations on whole arrays, each of which is a
 * launch of its own. It is only used to measure the scan in chunks against (scan_times.c). */
#include "steps.h"
#include "value.h"

/* ROWS: rows of the state that each thread handles, so that computing its position costs little. */
enum { THREADS = 128, ROWS = 8 };

/* Where one step of a sequence lies in buffers "in chunks". */
struct step_place {
    size_t chunk; /* counted over all sequences */
    uint32_t place;

    __device__ step_place(const bsm_naive_scan &s, uint32_t sequence, uint32_t step)
    {
        chunk = bsm_chunk_of(s.steps, sequence, step, &place);
    }
    /* The index of this step in arrays [sequence][chunk][head][step]. */
    __device__ size_t at(const bsm_naive_scan &s, uint32_t head) const
    {
        return (chunk * s.shape.heads + head) * s.steps.chunk + place;
    }
    __device__ float x(const bsm_naive_scan &s, uint32_t channel) const
    {
        const uint32_t P = s.shape.headdim;
        return s.x[at(s, channel / P) * P + channel % P];
    }
    __device__ const float *B(const bsm_naive_scan &s) const
    {
        return s.BC + (chunk * s.steps.chunk + place) * 2 * s.shape.d_state;
    }
    __device__ const float *C(const bsm_naive_scan &s) const
    {
        return B(s) + s.shape.d_state;
    }
};

/* The thread's sequence, channel and first row of the state. `shares` thread blocks divide the rows
 * of a channel among themselves. */
struct channel_place {
    uint32_t sequence, channel, row;

    __device__ channel_place(const bsm_naive_scan &s, uint32_t shares)
    {
        const uint32_t parts = (bsm_shape_inner(s.shape) + THREADS - 1) / THREADS;
        const uint32_t block = blockIdx.x / parts;
        channel = blockIdx.x % parts * THREADS + threadIdx.x;
        sequence = block / shares;
        row = block % shares * ROWS;
    }
    __device__ bool outside(const bsm_naive_scan &s) const
    {
        return channel >= bsm_shape_inner(s.shape);
    }
    /* The index of the thread's row `n` in an array with the shape of the state. */
    __device__ size_t at(const bsm_naive_scan &s, uint32_t n) const
    {
        const size_t rows = (size_t)sequence * s.shape.d_state + row + n;
        return rows * bsm_shape_inner(s.shape) + channel;
    }
    /* Load all rows of the thread, so that all loads are under way before the first number is
     * needed. */
    __device__ void load(const bsm_naive_scan &s, const float *array, float *values) const
    {
        BSM_UNROLL
        for (uint32_t n = 0; n < ROWS; n++) {
            values[n] = row + n < s.shape.d_state ? array[at(s, n)] : 0.0f;
        }
    }
    __device__ void store(const bsm_naive_scan &s, float *array, const float *values) const
    {
        BSM_UNROLL
        for (uint32_t n = 0; n < ROWS; n++) {
            if (row + n < s.shape.d_state) {
                array[at(s, n)] = values[n];
            }
        }
    }
};

__host__ __device__ static uint32_t blocks_of_rows(const bsm_naive_scan &s)
{
    return (s.shape.d_state + ROWS - 1) / ROWS;
}

/* scaled = dt x */
static __global__ void scale_inputs(bsm_naive_scan s, uint32_t step)
{
    const channel_place c(s, 1);
    if (c.outside(s)) {
        return;
    }
    const step_place now(s, c.sequence, step);
    const float dt = s.dt[now.at(s, c.channel / s.shape.headdim)];
    s.scaled[(size_t)c.sequence * bsm_shape_inner(s.shape) + c.channel] = dt * now.x(s, c.channel);
}

/* added = B^T scaled */
static __global__ void outer_product(bsm_naive_scan s, uint32_t step)
{
    const channel_place c(s, blocks_of_rows(s));
    if (c.outside(s)) {
        return;
    }
    const float *B = step_place(s, c.sequence, step).B(s);
    const float scaled = s.scaled[(size_t)c.sequence * bsm_shape_inner(s.shape) + c.channel];
    float added[ROWS];
    BSM_UNROLL
    for (uint32_t n = 0; n < ROWS; n++) {
        added[n] = c.row + n < s.shape.d_state ? B[c.row + n] * scaled : 0.0f;
    }
    c.store(s, s.added, added);
}

/* state = exp(dt A) state */
static __global__ void decay_state(bsm_naive_scan s, uint32_t step)
{
    const channel_place c(s, blocks_of_rows(s));
    if (c.outside(s)) {
        return;
    }
    const uint32_t head = c.channel / s.shape.headdim;
    const float decay = expf(s.dt[step_place(s, c.sequence, step).at(s, head)] * s.A[head]);
    float state[ROWS];
    c.load(s, s.state, state);
    BSM_UNROLL
    for (uint32_t n = 0; n < ROWS; n++) {
        state[n] *= decay;
    }
    c.store(s, s.state, state);
}

/* state += added */
static __global__ void add_to_state(bsm_naive_scan s)
{
    const channel_place c(s, blocks_of_rows(s));
    if (c.outside(s)) {
        return;
    }
    float state[ROWS], added[ROWS];
    c.load(s, s.state, state);
    c.load(s, s.added, added);
    BSM_UNROLL
    for (uint32_t n = 0; n < ROWS; n++) {
        state[n] += added[n];
    }
    c.store(s, s.state, state);
}

/* y = C state + D x */
static __global__ void read_state(bsm_naive_scan s, uint32_t step)
{
    const channel_place c(s, 1);
    if (c.outside(s)) {
        return;
    }
    const step_place now(s, c.sequence, step);
    const uint32_t inner = bsm_shape_inner(s.shape), N = s.shape.d_state;
    const float *C = now.C(s), *state = s.state + c.at(s, 0);
    float y = s.D[c.channel / s.shape.headdim] * now.x(s, c.channel);
    for (uint32_t first = 0; first < N; first += ROWS) {
        BSM_UNROLL
        for (uint32_t n = first; n < first + ROWS; n++) {
            y += n < N ? C[n] * state[(size_t)n * inner] : 0.0f;
        }
    }
    s.y[bsm_step_row(s.steps, c.sequence, step) * inner + c.channel] = y;
}

void bsm_kernel_naive_scan(bsm_kernel_queue queue, const bsm_naive_scan *scan)
{
    const bsm_naive_scan s = *scan;
    const unsigned int inner = bsm_shape_inner(s.shape);
    const unsigned int channels = s.steps.sequences * bsm_blocks_for(inner, THREADS);
    const unsigned int states = channels * blocks_of_rows(s);
    for (uint32_t step = 0; step < s.steps.steps; step++) {
        BSM_LAUNCH_FLAT(scale_inputs, channels, THREADS, queue.stream, s, step);
        BSM_LAUNCH_FLAT(outer_product, states, THREADS, queue.stream, s, step);
        BSM_LAUNCH_FLAT(decay_state, states, THREADS, queue.stream, s, step);
        BSM_LAUNCH_FLAT(add_to_state, states, THREADS, queue.stream, s);
        BSM_LAUNCH_FLAT(read_state, channels, THREADS, queue.stream, s, step);
    }
}
