/* SPDX-License-Identifier: ISC */
/* What the scan works on: the decays of each step, and the convolution of x, B and C. */
#include "steps.h"
#include "value.h"

enum { THREADS = 128 };
static const unsigned int MOST_WARPS = 8;

/* softplus(dt + bias) of step `i` of a chunk, 0 behind its end. */
__device__ static float time_step(const bsm_prepare &p, const bsm_chunk_place &place, uint32_t head,
                                  uint32_t i)
{
    if (i >= place.length) {
        return 0;
    }
    const size_t row = bsm_step_row(p.steps, place.sequence, place.first + i);
    const uint32_t width = bsm_shape_projected(p.shape);
    return bsm_softplus(p.zxbcdt[(row + 1) * width - p.shape.heads + head] + p.dt_bias[head]);
}

/* A block for each chunk, a warp for each head in turn. The sum goes over 32 steps at a time. */
static __global__ void decays(bsm_prepare p)
{
    const bsm_chunk_place place = bsm_chunk_at(p.steps, blockIdx.x);
    const uint32_t lane = threadIdx.x % BSM_WARP, heads = p.shape.heads, chunk = p.steps.chunk;
    for (uint32_t h = threadIdx.x / BSM_WARP; h < heads; h += blockDim.x / BSM_WARP) {
        const size_t at = ((size_t)blockIdx.x * heads + h);
        float dt[BSM_MAX_CHUNK / BSM_WARP];
        double cum[BSM_MAX_CHUNK / BSM_WARP], sum = 0;
        for (uint32_t part = 0; part < BSM_MAX_CHUNK / BSM_WARP; part++) {
            dt[part] = time_step(p, place, h, part * BSM_WARP + lane);
            cum[part] = sum + bsm_warp_prefix_sum((double)dt[part] * (double)p.A[h]);
            sum = __shfl_sync(BSM_ALL_LANES, cum[part], BSM_WARP - 1);
        }
        for (uint32_t part = 0; part < BSM_MAX_CHUNK / BSM_WARP; part++) {
            const uint32_t i = part * BSM_WARP + lane;
            if (i < chunk) {
                p.decays.dt[at * chunk + i] = dt[part];
                p.decays.cum[at * chunk + i] = cum[part];
                p.decays.in[at * chunk + i] = expf((float)cum[part]);
                p.decays.out[at * chunk + i] = dt[part] * expf((float)(sum - cum[part]));
            }
        }
        if (lane == 0) {
            p.decays.all[at] = expf((float)sum);
        }
    }
}

void bsm_kernel_decays(bsm_kernel_queue queue, const bsm_prepare *prepare)
{
    const bsm_prepare p = *prepare;
    const unsigned int warps = p.shape.heads < MOST_WARPS ? p.shape.heads : MOST_WARPS;
    BSM_LAUNCH(decays, p.steps.sequences * p.steps.chunks, warps * BSM_WARP, queue.stream, p);
}

/* ---- Convolution ---- */

/* Input `step` of a channel: of the sequence, or before its start. */
__device__ static float input(const bsm_prepare &p, uint32_t sequence, int64_t step,
                              uint32_t channel)
{
    const uint32_t inner = bsm_shape_inner(p.shape), conv = bsm_shape_conv(p.shape);
    if (step >= 0) {
        const size_t row = bsm_step_row(p.steps, sequence, (uint32_t)step);
        return p.zxbcdt[row * bsm_shape_projected(p.shape) + inner + channel];
    }
    const int64_t taps_before = (int64_t)p.shape.taps - 1;
    return p.tail ? p.tail[((size_t)sequence * taps_before + (size_t)(taps_before + step)) * conv +
                           channel]
                  : 0.0f;
}

__device__ static float convolve(const bsm_prepare &p, const bsm_chunk_place &place, uint32_t i,
                                 uint32_t channel)
{
    if (i >= place.length) {
        return 0;
    }
    const uint32_t taps = p.shape.taps;
    float sum = p.bias[channel];
    for (uint32_t k = 0; k < taps; k++) {
        const int64_t step = (int64_t)place.first + i + k - (taps - 1);
        sum += p.weight[(size_t)channel * taps + k] * input(p, place.sequence, step, channel);
    }
    return bsm_silu(sum);
}

/* A thread for each chunk and channel, which goes along the steps. */
template <class T> __global__ void convolution(bsm_prepare p)
{
    const uint32_t inner = bsm_shape_inner(p.shape), conv = bsm_shape_conv(p.shape);
    const uint32_t parts = (conv + blockDim.x - 1) / blockDim.x, c = blockIdx.x / parts;
    const uint32_t channel = blockIdx.x % parts * blockDim.x + threadIdx.x;
    if (channel >= conv) {
        return;
    }
    const bsm_chunk_place place = bsm_chunk_at(p.steps, c);
    const uint32_t chunk = p.steps.chunk, P = p.shape.headdim;
    const size_t head = (size_t)c * p.shape.heads + channel / P; /* if the channel is of x */
    for (uint32_t i = 0; i < chunk; i++) {
        const float value = convolve(p, place, i, channel);
        const size_t row = (size_t)c * chunk + i;
        if (channel >= inner) {
            ((T *)p.BC)[row * 2 * p.shape.d_state + channel - inner] = bsm_value<T>::from(value);
            continue;
        }
        ((T *)p.x)[(head * chunk + i) * P + channel % P] = bsm_value<T>::from(value);
        if (p.scaled) {
            const float scaled = value * p.decays.out[head * chunk + i];
            ((T *)p.scaled)[row * inner + channel] = bsm_value<T>::from(scaled);
        }
    }
}

void bsm_kernel_convolution(bsm_kernel_queue queue, const bsm_prepare *prepare)
{
    const bsm_prepare p = *prepare;
    const unsigned int chunks = p.steps.sequences * p.steps.chunks;
    const unsigned int blocks = chunks * bsm_blocks_for(bsm_shape_conv(p.shape), THREADS);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(convolution<bsm_bf16>, blocks, THREADS, queue.stream, p);
    } else {
        BSM_LAUNCH_FLAT(convolution<float>, blocks, THREADS, queue.stream, p);
    }
}

/* A thread for each sequence and channel. An old input is read before its place is written. */
static __global__ void save_tail(bsm_prepare p, float *tail)
{
    const uint32_t conv = bsm_shape_conv(p.shape), kept = p.shape.taps - 1;
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)p.steps.sequences * conv) {
        return;
    }
    const uint32_t sequence = (uint32_t)(index / conv), channel = (uint32_t)(index % conv);
    for (uint32_t k = 0; k < kept; k++) {
        const int64_t step = (int64_t)p.steps.split + k - kept;
        tail[((size_t)sequence * kept + k) * conv + channel] = input(p, sequence, step, channel);
    }
}

void bsm_kernel_save_tail(bsm_kernel_queue queue, const bsm_prepare *prepare, float *tail)
{
    const bsm_prepare p = *prepare;
    const size_t count = (size_t)p.steps.sequences * bsm_shape_conv(p.shape);
    BSM_LAUNCH_FLAT(save_tail, bsm_blocks_for(count, THREADS), THREADS, queue.stream, p, tail);
}
