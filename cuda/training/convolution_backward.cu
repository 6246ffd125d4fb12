/* SPDX-License-Identifier: ISC */
/* The backward pass of the convolution and its SiLU, in one walk along the steps of a chunk. The
 * walk continues into the next chunk as far as that chunk's convolution reaches back. */
#include "steps.h"
#include "taps.h"
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128, AT_ONCE = 8 };

template <class T>
__device__ float input(const bsm_convolution_backward &c, uint32_t sequence, int64_t step,
                       uint32_t channel)
{
    if (step < 0) {
        return 0;
    }
    const size_t row = bsm_step_row(c.steps, sequence, (uint32_t)step);
    return bsm_value<T>::to_float(
        ((const T *)c.zxBC)[row * bsm_shape_zxBC(c.shape) + bsm_shape_inner(c.shape) + channel]);
}

template <class T> __device__ float silu_slope(float x)
{
    const float s = bsm_sigmoid_of<T>(x);
    return s * (1.0f + x * (1.0f - s));
}

/* The sums of a channel's walk so far. */
template <uint32_t MOST> struct sums {
    float by_weight[MOST], by_bias;
    float gradients[MOST]; /* w.r.t. the convolution's last outputs, newest last */
};

template <uint32_t MOST>
__device__ void add_step(sums<MOST> *s, const bsm_taps<MOST> &taps, float d)
{
    s->by_bias += d;
    BSM_UNROLL
    for (uint32_t k = 0; k < MOST; k++) {
        s->by_weight[k] += d * taps.x[k];
    }
}

template <uint32_t MOST> __device__ void push_gradient(sums<MOST> *s, float d)
{
    BSM_UNROLL
    for (uint32_t k = 0; k + 1 < MOST; k++) {
        s->gradients[k] = s->gradients[k + 1];
    }
    s->gradients[MOST - 1] = d;
}

/* After `step` of the walk, store the gradient w.r.t. the input MOST - 1 steps before: it
 * contributed to its own step and to those up to this one. */
template <class T, uint32_t MOST>
__device__ void store_oldest(const sums<MOST> &s, const bsm_taps<MOST> &taps, uint32_t step,
                             bsm_walk<T> *out)
{
    if (step + 1 < MOST) {
        return; /* that input belongs to the chunk before */
    }
    float sum = 0;
    BSM_UNROLL
    for (uint32_t k = 0; k < MOST; k++) {
        sum += taps.weight[MOST - 1 - k] * s.gradients[k];
    }
    *out->at = bsm_value<T>::from(sum);
    out->next();
}

template <uint32_t MOST>
__device__ void store_sums(const bsm_convolution_backward &c, uint32_t chunk, uint32_t channel,
                           const sums<MOST> &s)
{
    const uint32_t conv = bsm_shape_conv(c.shape), taps = c.shape.taps;
    float *partial = c.partial + (size_t)chunk * conv * (taps + 1);
    BSM_UNROLL
    for (uint32_t k = 0; k < MOST; k++) {
        if (k + taps >= MOST) {
            partial[(size_t)channel * taps + k + taps - MOST] = s.by_weight[k];
        }
    }
    partial[(size_t)conv * taps + channel] = s.by_bias;
}

/* The gradients w.r.t. the outputs of a channel of a chunk, one step after the other. */
template <class T> struct given_gradients {
    const T *values; /* one of the two is NULL */
    const float *numbers;
    uint32_t stride;

    __device__ float at(uint32_t step) const
    {
        const size_t i = (size_t)step * stride;
        return values ? bsm_value<T>::to_float(values[i]) : numbers[i];
    }
    /* Load the next AT_ONCE gradients, or `left` if that is less. All loads are under way at the
     * same time. */
    __device__ void take(uint32_t first, uint32_t left, float *gradients) const
    {
        if (values) {
            BSM_UNROLL
            for (uint32_t k = 0; k < AT_ONCE; k++) {
                const T value = k < left ? values[(size_t)(first + k) * stride] : T{};
                gradients[k] = bsm_value<T>::to_float(value);
            }
            return;
        }
        BSM_UNROLL
        for (uint32_t k = 0; k < AT_ONCE; k++) {
            gradients[k] = k < left ? numbers[(size_t)(first + k) * stride] : 0.0f;
        }
    }
};

template <class T>
__device__ given_gradients<T> given_from(const bsm_convolution_backward &c, uint32_t chunk,
                                         uint32_t channel)
{
    const uint32_t inner = bsm_shape_inner(c.shape), P = c.shape.headdim, N = c.shape.d_state;
    given_gradients<T> g = {};
    if (channel < inner) {
        const size_t head = (size_t)chunk * c.shape.heads + channel / P;
        const size_t first = head * c.steps.chunk * P + channel % P;
        g.values = c.d_x_is_values ? (const T *)c.d_x + first : NULL;
        g.numbers = c.d_x_is_values ? NULL : (const float *)c.d_x + first;
        g.stride = P;
    } else {
        g.numbers = c.d_BC + (size_t)chunk * c.steps.chunk * 2 * N + channel - inner;
        g.stride = 2 * N;
    }
    return g;
}

/* The gradient w.r.t. the output at a step of the sequence. */
template <class T>
__device__ float given(const bsm_convolution_backward &c, uint32_t sequence, uint32_t step,
                       uint32_t channel)
{
    uint32_t i;
    const size_t chunk = bsm_chunk_of(c.steps, sequence, step, &i);
    return given_from<T>(c, (uint32_t)chunk, channel).at(i);
}

/* One thread per chunk and channel. */
template <class T, uint32_t MOST> __global__ void backward(bsm_convolution_backward c)
{
    const uint32_t conv = bsm_shape_conv(c.shape), inner = bsm_shape_inner(c.shape);
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)c.steps.sequences * c.steps.chunks * conv) {
        return;
    }
    const uint32_t chunk = (uint32_t)(index / conv), channel = (uint32_t)(index % conv);
    const bsm_cuda_chunk_place place = bsm_chunk_at(c.steps, chunk);
    const float bias = c.bias[channel];
    bsm_taps<MOST> taps;
    taps.start(c.weight, c.shape.taps, channel);
    for (uint32_t k = 1; k < c.shape.taps; k++) {
        taps.push(input<T>(c, place.sequence, (int64_t)place.first + k - c.shape.taps, channel));
    }
    sums<MOST> s = {};
    const given_gradients<T> own = given_from<T>(c, chunk, channel);
    bsm_walk<const T> in(c.steps, place.sequence, place.first, bsm_shape_zxBC(c.shape),
                         (const T *)c.zxBC + inner + channel);
    bsm_walk<T> out(c.steps, place.sequence, place.first, bsm_shape_projected(c.shape),
                    (T *)c.d_zxbcdt + inner + channel);
    for (uint32_t i = 0; i < place.length; i += AT_ONCE) {
        const uint32_t left = place.length - i;
        T inputs[AT_ONCE];
        float gradients[AT_ONCE];
        in.template take<AT_ONCE>(left, inputs);
        own.take(i, left, gradients);
        BSM_UNROLL
        for (uint32_t k = 0; k < AT_ONCE; k++) {
            if (k < left) {
                taps.push(bsm_value<T>::to_float(inputs[k]));
                const float d = gradients[k] * silu_slope<T>(bias + taps.sum());
                add_step(&s, taps, d);
                push_gradient(&s, d);
                store_oldest(s, taps, i + k, &out);
            }
        }
    }
    for (uint32_t i = place.length; i < place.length + MOST - 1; i++) {
        const uint32_t step = place.first + i;
        float d = 0;
        if (step < c.steps.steps) {
            taps.push(input<T>(c, place.sequence, step, channel));
            d = given<T>(c, place.sequence, step, channel) * silu_slope<T>(bias + taps.sum());
        }
        push_gradient(&s, d);
        store_oldest(s, taps, i, &out);
    }
    store_sums(c, chunk, channel, s);
}

template <class T>
static void convolution_backward(bsm_kernel_queue queue, const bsm_convolution_backward &given_)
{
    const bsm_convolution_backward c = given_;
    const size_t chunks = (size_t)c.steps.sequences * c.steps.chunks * bsm_shape_conv(c.shape);
    const unsigned int blocks = bsm_blocks_for(chunks, THREADS);
    if (c.shape.taps <= BSM_FEW_TAPS) {
        BSM_LAUNCH_FLAT((backward<T, BSM_FEW_TAPS>), blocks, THREADS, queue.stream, c);
    } else {
        BSM_LAUNCH_FLAT((backward<T, BSM_MOST_TAPS>), blocks, THREADS, queue.stream, c);
    }
}

void bsm_kernel_convolution_backward(bsm_kernel_queue queue,
                                     const bsm_convolution_backward *convolution)
{
    if (queue.bf16) {
        convolution_backward<bsm_bf16>(queue, *convolution);
    } else {
        convolution_backward<float>(queue, *convolution);
    }
}
