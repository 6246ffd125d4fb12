/* SPDX-License-Identifier: ISC */
/* The parts of the chunked scan's backward pass that are not matrix products. With d_S the gradient
 * w.r.t. the state before a chunk, d_S' that w.r.t. the state after it, and in and out as in
 * bsm_decays:
 *
 *     inside     d_M = d_y x^T per head; with the decays, d_G = the gradient w.r.t. C B^T
 *     after      V = B d_S', the gradient w.r.t. (out x) of each step
 *     before     d_S = exp(cum of the last step) d_S' + C^T (in d_y)
 */
#include "steps.h"
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128, FLAT_THREADS = 256 };

/* ---- Orders of rows ---- */

/* A step of a head, given by its index in the decays. */
struct head_step {
    size_t at;           /* index in arrays [sequence][chunk][head][step] */
    uint32_t head, step; /* step: index in the chunk */
    size_t row;          /* row in buffers "in chunks" */
    bsm_cuda_chunk_place chunk;
};

__device__ static head_step head_step_at(const bsm_steps &steps, uint32_t heads, size_t at)
{
    head_step s;
    const size_t chunk = at / steps.chunk / heads;
    s.at = at;
    s.step = (uint32_t)(at % steps.chunk);
    s.head = (uint32_t)(at / steps.chunk % heads);
    s.row = chunk * steps.chunk + s.step;
    s.chunk = bsm_chunk_at(steps, (uint32_t)chunk);
    return s;
}

__device__ static size_t head_steps(const bsm_steps &steps, const bsm_mixer_shape &shape)
{
    return (size_t)steps.sequences * steps.chunks * shape.heads * steps.chunk;
}

/* One warp per step of a head. */
template <class T> __global__ void lay_out(bsm_lay_out l)
{
    const size_t at = (size_t)blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    if (at >= head_steps(l.steps, l.shape)) {
        return;
    }
    const uint32_t inner = bsm_shape_inner(l.shape), P = l.shape.headdim;
    const head_step s = head_step_at(l.steps, l.shape.heads, at);
    const bool own = s.step < s.chunk.length;
    const size_t row = own ? bsm_step_row(l.steps, s.chunk.sequence, s.chunk.first + s.step) : 0;
    const size_t first = (size_t)s.head * P;
    float sum = 0;
    for (uint32_t p = threadIdx.x % BSM_WARP; p < P; p += BSM_WARP) {
        const float d =
            own ? bsm_value<T>::to_float(((const T *)l.d_y)[row * inner + first + p]) : 0.0f;
        ((T *)l.d_inside)[at * P + p] = bsm_value<T>::from(d);
        if (l.outside) {
            const size_t there = s.row * inner + first + p;
            ((T *)l.d_outside)[there] = bsm_value<T>::from(l.in[at] * d);
            sum += l.in[at] * d * l.outside[there];
        }
    }
    sum = bsm_warp_sum(sum);
    if (threadIdx.x % BSM_WARP == 0) {
        l.d_cum[at] = sum;
    }
}

static unsigned int warps_for(const bsm_steps &steps, const bsm_mixer_shape &shape)
{
    const size_t count = (size_t)steps.sequences * steps.chunks * shape.heads * steps.chunk;
    return bsm_blocks_for(count, THREADS / BSM_WARP);
}

void bsm_kernel_lay_out(bsm_kernel_queue queue, const bsm_lay_out *lay_out_)
{
    const bsm_lay_out l = *lay_out_;
    if (queue.bf16) {
        BSM_LAUNCH(lay_out<bsm_bf16>, warps_for(l.steps, l.shape), THREADS, queue.stream, l);
    } else {
        BSM_LAUNCH(lay_out<float>, warps_for(l.steps, l.shape), THREADS, queue.stream, l);
    }
}

/* ---- Inside a chunk ---- */

/* Return one head's contribution to d_G at (i, j), j <= i. d_M there is replaced by the gradient
 * w.r.t. (decay * dt), times the decay. */
template <class T>
__device__ float head_score(const bsm_scores_backward &s, size_t chunk, uint32_t head, uint32_t i,
                            uint32_t j, float G)
{
    const uint32_t size = s.forward.chunk;
    const size_t at = chunk * s.forward.heads + head, place = (at * size + i) * size + j;
    const double *cum = s.forward.decays.cum + at * size;
    const float dt = s.forward.decays.dt[at * size + j];
    const float decay = expf((float)(cum[i] - cum[j])), d = s.d_M[place];
    if (i == j) {
        s.gradients.diagonal[at * size + i] = d;
    }
    s.d_M[place] = d * decay * G;
    const float M = G * decay * dt + (i == j ? s.forward.D[head] : 0.0f);
    ((T *)s.forward.M)[place] = bsm_value<T>::from(M);
    return d * decay * dt;
}

/* One thread per pair of steps of a chunk, which walks through the heads. */
template <class T> __global__ void score_pairs(bsm_scores_backward s)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t size = s.forward.chunk, square = size * size;
    if (index >= (size_t)s.forward.chunks * square) {
        return;
    }
    const size_t chunk = index / square;
    const uint32_t i = (uint32_t)(index % square) / size, j = (uint32_t)(index % square) % size;
    float d_G = 0;
    for (uint32_t h = 0; h < s.forward.heads; h++) {
        if (j <= i) {
            d_G += head_score<T>(s, chunk, h, i, j, s.forward.G[index]);
        } else {
            const size_t at = chunk * s.forward.heads + h;
            ((T *)s.forward.M)[at * square + index % square] = bsm_value<T>::from(0.0f);
        }
    }
    ((T *)s.d_G)[index] = bsm_value<T>::from(d_G);
}

/* One thread per step of a head, which sums up what the step's column (as step j) and its row (as
 * step i) contribute. There is no decay on the diagonal, so it contributes nothing to d_cum. */
static __global__ void score_sums(bsm_scores_backward s)
{
    const size_t at = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t size = s.forward.chunk;
    if (at >= (size_t)s.forward.chunks * s.forward.heads * size) {
        return;
    }
    const uint32_t step = (uint32_t)(at % size);
    const float *matrix = s.d_M + (at - step) * size, *dt = s.forward.decays.dt + (at - step);
    float column = 0, row = 0;
    for (uint32_t i = step + 1; i < size; i++) {
        column += matrix[(size_t)i * size + step];
    }
    for (uint32_t j = 0; j < step; j++) {
        row += matrix[(size_t)step * size + j] * dt[j];
    }
    s.gradients.d_dt[at] = column + matrix[(size_t)step * size + step];
    s.gradients.d_cum[at] += row - column * dt[step];
}

void bsm_kernel_scores_backward(bsm_kernel_queue queue, const bsm_scores_backward *scores)
{
    const bsm_scores_backward s = *scores;
    const size_t rows = (size_t)s.forward.chunks * s.forward.chunk;
    const unsigned int pairs = bsm_blocks_for(rows * s.forward.chunk, FLAT_THREADS);
    const unsigned int sums = bsm_blocks_for(rows * s.forward.heads, FLAT_THREADS);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(score_pairs<bsm_bf16>, pairs, FLAT_THREADS, queue.stream, s);
    } else {
        BSM_LAUNCH_FLAT(score_pairs<float>, pairs, FLAT_THREADS, queue.stream, s);
    }
    BSM_LAUNCH_FLAT(score_sums, sums, FLAT_THREADS, queue.stream, s);
}

/* ---- States ---- */

/* One thread per number of a sequence's state, which walks along the chunks from the last to the
 * first. */
template <class T> __global__ void pass_back(bsm_pass_states_backward p)
{
    const uint32_t inner = bsm_shape_inner(p.shape), chunks = p.steps.chunks;
    const size_t size = (size_t)p.shape.d_state * inner;
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= p.steps.sequences * size) {
        return;
    }
    const size_t sequence = index / size, place = index % size;
    const uint32_t head = (uint32_t)(place % inner) / p.shape.headdim;
    float d_behind = 0;
    for (uint32_t c = chunks; c-- > 0;) {
        const size_t chunk = sequence * chunks + c, at = chunk * size + place;
        const float d_before = p.d_before[at];
        ((T *)p.d_behind)[at] = bsm_value<T>::from(d_behind);
        d_behind = p.all[chunk * p.shape.heads + head] * d_behind + d_before;
    }
}

/* One thread block per head of a chunk: d_all = all * <before, d_behind>. */
template <class T> __global__ void dot_states(bsm_pass_states_backward p)
{
    __shared__ float sums[THREADS / BSM_WARP];
    const uint32_t inner = bsm_shape_inner(p.shape), P = p.shape.headdim;
    const size_t chunk = blockIdx.x / p.shape.heads;
    const size_t first = chunk * p.shape.d_state * inner + blockIdx.x % p.shape.heads * P;
    float sum = 0;
    for (uint32_t i = threadIdx.x; i < p.shape.d_state * P; i += blockDim.x) {
        const size_t at = first + (size_t)(i / P) * inner + i % P;
        sum += bsm_value<T>::to_float(((const T *)p.before)[at]) *
               bsm_value<T>::to_float(((const T *)p.d_behind)[at]);
    }
    sum = bsm_warp_sum(sum);
    if (threadIdx.x % BSM_WARP == 0) {
        sums[threadIdx.x / BSM_WARP] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        sum = 0;
        for (uint32_t w = 0; w < THREADS / BSM_WARP; w++) {
            sum += sums[w];
        }
        p.d_all[blockIdx.x] = p.all[blockIdx.x] * sum;
    }
}

template <class T>
static void pass_states_backward(bsm_kernel_queue queue, const bsm_pass_states_backward &pass)
{
    const bsm_pass_states_backward p = pass;
    const size_t count = (size_t)p.steps.sequences * p.shape.d_state * bsm_shape_inner(p.shape);
    const unsigned int heads = p.steps.sequences * p.steps.chunks * p.shape.heads;
    BSM_LAUNCH_FLAT(pass_back<T>, bsm_blocks_for(count, FLAT_THREADS), FLAT_THREADS, queue.stream,
                    p);
    BSM_LAUNCH(dot_states<T>, heads, THREADS, queue.stream, p);
}

void bsm_kernel_pass_states_backward(bsm_kernel_queue queue, const bsm_pass_states_backward *pass)
{
    if (queue.bf16) {
        pass_states_backward<bsm_bf16>(queue, *pass);
    } else {
        pass_states_backward<float>(queue, *pass);
    }
}

/* One warp per step of a head. */
template <class T> __global__ void leave(bsm_leave_backward l)
{
    const size_t at = (size_t)blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    if (at >= head_steps(l.steps, l.shape)) {
        return;
    }
    const uint32_t inner = bsm_shape_inner(l.shape), P = l.shape.headdim;
    const head_step s = head_step_at(l.steps, l.shape.heads, at);
    const float out = l.decays.out[at];
    float sum = 0;
    for (uint32_t p = threadIdx.x % BSM_WARP; p < P; p += BSM_WARP) {
        const float V = l.V[s.row * inner + (size_t)s.head * P + p];
        sum += bsm_value<T>::to_float(((const T *)l.x)[at * P + p]) * V;
        l.d_x[at * P + p] += out * V;
    }
    sum = bsm_warp_sum(sum);
    if (threadIdx.x % BSM_WARP == 0) {
        const double last = l.decays.cum[at - s.step + l.steps.chunk - 1];
        l.gradients.d_dt[at] += expf((float)(last - l.decays.cum[at])) * sum;
        l.gradients.d_cum[at] -= out * sum;
        l.left[at] = out * sum;
    }
}

/* One thread per head of a chunk. */
static __global__ void sum_left(bsm_leave_backward l)
{
    const size_t head = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (head >= (size_t)l.steps.sequences * l.steps.chunks * l.shape.heads) {
        return;
    }
    float sum = 0;
    for (uint32_t step = 0; step < l.steps.chunk; step++) {
        sum += l.left[head * l.steps.chunk + step];
    }
    l.gradients.d_all[head] += sum;
}

void bsm_kernel_leave_backward(bsm_kernel_queue queue, const bsm_leave_backward *leave_)
{
    const bsm_leave_backward l = *leave_;
    const size_t heads = (size_t)l.steps.sequences * l.steps.chunks * l.shape.heads;
    if (queue.bf16) {
        BSM_LAUNCH(leave<bsm_bf16>, warps_for(l.steps, l.shape), THREADS, queue.stream, l);
    } else {
        BSM_LAUNCH(leave<float>, warps_for(l.steps, l.shape), THREADS, queue.stream, l);
    }
    BSM_LAUNCH_FLAT(sum_left, bsm_blocks_for(heads, FLAT_THREADS), FLAT_THREADS, queue.stream, l);
}

/* ---- Decays ---- */

/* What a step of a head contributes to the gradients w.r.t. dt_bias, A and D. */
struct step_gradients {
    double by_bias, by_A, by_D;
};

/* Compute the gradients of one step; `sum` is the gradient w.r.t. dt A of the step. */
template <class T>
__device__ step_gradients step_backward(const bsm_decays_backward &d,
                                        const bsm_cuda_chunk_place &place, size_t head_of_chunk,
                                        uint32_t i, double sum)
{
    const uint32_t heads = d.shape.heads, h = (uint32_t)(head_of_chunk % heads);
    const size_t at = head_of_chunk * d.steps.chunk + i;
    const size_t row = bsm_step_row(d.steps, place.sequence, place.first + i);
    const double slope = (double)bsm_sigmoid(d.raw_dt[row * heads + h] + d.dt_bias[h]);
    const double by_raw = ((double)d.gradients.d_dt[at] + (double)d.A[h] * sum) * slope;
    ((T *)d.d_zxbcdt)[(row + 1) * bsm_shape_projected(d.shape) - heads + h] =
        bsm_value<T>::from((float)by_raw);
    return {by_raw, (double)d.decays.dt[at] * sum, (double)d.gradients.diagonal[at]};
}

/* One warp per head of a chunk, which starts at the last steps: the gradient w.r.t. cum of a step
 * is passed to dt A of that step and of all steps before it. */
template <class T> __global__ void decays(bsm_decays_backward d)
{
    const size_t index = (size_t)blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    const uint32_t heads = d.shape.heads, lane = threadIdx.x % BSM_WARP;
    if (index >= (size_t)d.steps.sequences * d.steps.chunks * heads) {
        return;
    }
    const uint32_t h = (uint32_t)(index % heads), chunk = (uint32_t)(index / heads);
    const bsm_cuda_chunk_place place = bsm_chunk_at(d.steps, chunk);
    double behind = d.with_states ? (double)d.gradients.d_all[index] : 0.0;
    step_gradients sums = {};
    for (uint32_t done = 0; done < place.length; done += BSM_WARP) {
        const bool there = done + lane < place.length;
        const uint32_t i = there ? place.length - 1 - done - lane : 0;
        const double own = there ? (double)d.gradients.d_cum[index * d.steps.chunk + i] : 0.0;
        const double sum = behind + bsm_warp_prefix_sum(own);
        behind = __shfl_sync(BSM_ALL_LANES, sum, BSM_WARP - 1);
        if (there) {
            const step_gradients g = step_backward<T>(d, place, index, i, sum);
            sums.by_bias += g.by_bias, sums.by_A += g.by_A, sums.by_D += g.by_D;
        }
    }
    const float by_bias = bsm_warp_sum((float)sums.by_bias);
    const float by_A = bsm_warp_sum((float)sums.by_A), by_D = bsm_warp_sum((float)sums.by_D);
    if (lane == 0) {
        float *partial = d.partial + (size_t)chunk * 3 * heads + h;
        partial[0] = by_bias;
        partial[heads] = d.A[h] * by_A; /* A = -exp(A_log) is its own derivative */
        partial[2 * heads] = by_D;
    }
}

void bsm_kernel_decays_backward(bsm_kernel_queue queue, const bsm_decays_backward *decays_)
{
    const bsm_decays_backward d = *decays_;
    const size_t count = (size_t)d.steps.sequences * d.steps.chunks * d.shape.heads;
    const unsigned int blocks = bsm_blocks_for(count, THREADS / BSM_WARP);
    if (queue.bf16) {
        BSM_LAUNCH(decays<bsm_bf16>, blocks, THREADS, queue.stream, d);
    } else {
        BSM_LAUNCH(decays<float>, blocks, THREADS, queue.stream, d);
    }
}
