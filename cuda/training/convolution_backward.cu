/* SPDX-License-Identifier: ISC */
/* The convolution and SiLU backward: through SiLU first, then the weights, then the inputs. */
#include "steps.h"
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128 };

/* A channel of a chunk. */
struct chunk_channel {
    uint32_t chunk, channel;
    bsm_chunk_place place;
};

/* Input `step` of a channel; zero before the sequence. */
__device__ static float input(const bsm_convolution_backward &c, uint32_t sequence, int64_t step,
                              uint32_t channel)
{
    if (step < 0) {
        return 0;
    }
    const size_t row = bsm_step_row(c.steps, sequence, (uint32_t)step);
    return c.zxbcdt[row * bsm_shape_projected(c.shape) + bsm_shape_inner(c.shape) + channel];
}

/* The gradient by what SiLU gave. */
__device__ static float given(const bsm_convolution_backward &c, const chunk_channel &k, uint32_t i)
{
    const uint32_t inner = bsm_shape_inner(c.shape), P = c.shape.headdim, chunk = c.steps.chunk;
    if (k.channel < inner) {
        const size_t head = (size_t)k.chunk * c.shape.heads + k.channel / P;
        return c.d_x[(head * chunk + i) * P + k.channel % P];
    }
    const size_t row = (size_t)k.chunk * chunk + i;
    return c.d_BC[row * 2 * c.shape.d_state + k.channel - inner];
}

/* The slope of SiLU at a step. */
__device__ static float slope(const bsm_convolution_backward &c, const chunk_channel &k, uint32_t i)
{
    const uint32_t taps = c.shape.taps;
    float sum = c.bias[k.channel];
    for (uint32_t tap = 0; tap < taps; tap++) {
        const int64_t step = (int64_t)k.place.first + i + tap - (taps - 1);
        sum +=
            c.weight[(size_t)k.channel * taps + tap] * input(c, k.place.sequence, step, k.channel);
    }
    const float s = bsm_sigmoid(sum);
    return s * (1.0f + sum * (1.0f - s));
}

/* A thread for each chunk and channel, which goes along the steps. */
static __global__ void through_silu(bsm_convolution_backward c)
{
    const uint32_t conv = bsm_shape_conv(c.shape);
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)c.steps.sequences * c.steps.chunks * conv) {
        return;
    }
    chunk_channel k;
    k.chunk = (uint32_t)(index / conv);
    k.channel = (uint32_t)(index % conv);
    k.place = bsm_chunk_at(c.steps, k.chunk);
    float sum = 0;
    for (uint32_t i = 0; i < k.place.length; i++) {
        const size_t row = bsm_step_row(c.steps, k.place.sequence, k.place.first + i);
        const float d = given(c, k, i) * slope(c, k, i);
        c.gradient[row * conv + k.channel] = d;
        sum += d;
    }
    const size_t width = (size_t)conv * (c.shape.taps + 1);
    c.partial[k.chunk * width + (size_t)conv * c.shape.taps + k.channel] = sum;
}

/* A thread for each weight of a chunk. */
static __global__ void by_weight(bsm_convolution_backward c)
{
    const uint32_t conv = bsm_shape_conv(c.shape), taps = c.shape.taps;
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)c.steps.sequences * c.steps.chunks * conv * taps) {
        return;
    }
    const uint32_t channel = (uint32_t)(index % conv), tap = (uint32_t)(index / conv % taps);
    const uint32_t chunk = (uint32_t)(index / conv / taps);
    const bsm_chunk_place place = bsm_chunk_at(c.steps, chunk);
    float sum = 0;
    for (uint32_t i = 0; i < place.length; i++) {
        const size_t row = bsm_step_row(c.steps, place.sequence, place.first + i);
        const int64_t step = (int64_t)place.first + i + tap - (taps - 1);
        sum += c.gradient[row * conv + channel] * input(c, place.sequence, step, channel);
    }
    c.partial[(size_t)chunk * conv * (taps + 1) + (size_t)channel * taps + tap] = sum;
}

/* A thread for each step and channel: what the input gave to its own step and the next ones. */
template <class T> __global__ void by_input(bsm_convolution_backward c)
{
    const uint32_t conv = bsm_shape_conv(c.shape), taps = c.shape.taps;
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)c.steps.sequences * c.steps.steps * conv) {
        return;
    }
    const uint32_t channel = (uint32_t)(index % conv), all = (uint32_t)(index / conv);
    const uint32_t sequence = all / c.steps.steps, step = all % c.steps.steps;
    float sum = 0;
    for (uint32_t ahead = 0; ahead < taps && step + ahead < c.steps.steps; ahead++) {
        const size_t row = bsm_step_row(c.steps, sequence, step + ahead);
        sum +=
            c.weight[(size_t)channel * taps + taps - 1 - ahead] * c.gradient[row * conv + channel];
    }
    const size_t row = bsm_step_row(c.steps, sequence, step);
    const size_t at = row * bsm_shape_projected(c.shape) + bsm_shape_inner(c.shape) + channel;
    ((T *)c.d_zxbcdt)[at] = bsm_value<T>::from(sum);
}

void bsm_kernel_convolution_backward(bsm_kernel_queue queue,
                                     const bsm_convolution_backward *convolution)
{
    const bsm_convolution_backward c = *convolution;
    const size_t conv = bsm_shape_conv(c.shape);
    const size_t chunks = (size_t)c.steps.sequences * c.steps.chunks * conv;
    const size_t steps = (size_t)c.steps.sequences * c.steps.steps * conv;
    BSM_LAUNCH_FLAT(through_silu, bsm_blocks_for(chunks, THREADS), THREADS, queue.stream, c);
    BSM_LAUNCH_FLAT(by_weight, bsm_blocks_for(chunks * c.shape.taps, THREADS), THREADS,
                    queue.stream, c);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(by_input<bsm_bf16>, bsm_blocks_for(steps, THREADS), THREADS, queue.stream,
                        c);
    } else {
        BSM_LAUNCH_FLAT(by_input<float>, bsm_blocks_for(steps, THREADS), THREADS, queue.stream, c);
    }
}
