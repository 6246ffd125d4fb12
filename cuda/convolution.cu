/* SPDX-License-Identifier: ISC */
/* Computes the inputs of the scan: the decays of each step, and the convolution of x, B and C. */
#include "steps.h"
#include "taps.h"
#include "value.h"

/* SPAN: steps that a thread handles; the length of a chunk is a multiple of it. */
enum { THREADS = 128, SPAN = 16 };
static const unsigned int MOST_WARPS = 8;

/* softplus(dt + bias) of step `i` of a chunk; 0 after the chunk's end. */
__device__ static float time_step(const bsm_prepare &p, const bsm_cuda_chunk_place &place,
                                  uint32_t head, uint32_t i)
{
    if (i >= place.length) {
        return 0;
    }
    const size_t row = bsm_step_row(p.steps, place.sequence, place.first + i);
    return bsm_softplus(p.raw_dt[row * p.shape.heads + head] + p.dt_bias[head]);
}

/* One thread block per chunk, whose warps take the heads in turn. The sum runs over 32 steps at a
 * time. */
static __global__ void decays(bsm_prepare p)
{
    const bsm_cuda_chunk_place place = bsm_chunk_at(p.steps, blockIdx.x);
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

/* Input `step` of a channel. A negative step means an input before the sequence's start. */
template <class T>
__device__ float input(const bsm_prepare &p, uint32_t sequence, int64_t step, uint32_t channel)
{
    const uint32_t inner = bsm_shape_inner(p.shape), conv = bsm_shape_conv(p.shape);
    if (step >= 0) {
        const size_t row = bsm_step_row(p.steps, sequence, (uint32_t)step);
        return bsm_value<T>::to_float(
            ((const T *)p.zxBC)[row * bsm_shape_zxBC(p.shape) + inner + channel]);
    }
    const int64_t taps_before = (int64_t)p.shape.taps - 1;
    return p.tail ? p.tail[((size_t)sequence * taps_before + (size_t)(taps_before + step)) * conv +
                           channel]
                  : 0.0f;
}

/* Where the convolution's results of V channels go, from the chunk's first step on. */
template <class T, uint32_t V> struct channels_out {
    T *out, *scaled; /* scaled: NULL if not wanted */
    const float *decay;
    uint32_t stride, scaled_stride;

    __device__ void store(uint32_t step, float *values) const
    {
        bsm_store<V>(out + (size_t)step * stride, values);
        if (scaled) {
            BSM_UNROLL
            for (uint32_t v = 0; v < V; v++) {
                values[v] *= decay[step];
            }
            bsm_store<V>(scaled + (size_t)step * scaled_stride, values);
        }
    }
};

template <class T, uint32_t V>
__device__ channels_out<T, V> out_of(const bsm_prepare &p, uint32_t chunk, uint32_t channel)
{
    const uint32_t inner = bsm_shape_inner(p.shape), P = p.shape.headdim, N = p.shape.d_state;
    const size_t row = (size_t)chunk * p.steps.chunk;
    channels_out<T, V> o = {};
    if (channel >= inner) {
        o.out = (T *)p.BC + row * 2 * N + channel - inner;
        o.stride = 2 * N;
        return o;
    }
    const size_t head = (size_t)chunk * p.shape.heads + channel / P;
    o.out = (T *)p.x + head * p.steps.chunk * P + channel % P;
    o.stride = P;
    o.scaled = p.scaled ? (T *)p.scaled + row * inner + channel : NULL;
    o.scaled_stride = inner;
    o.decay = p.decays.out + head * p.steps.chunk;
    return o;
}

/* Load the taps of V channels with the inputs before `step` of the sequence. */
template <class T, uint32_t MOST, uint32_t V>
__device__ void start_taps(const bsm_prepare &p, uint32_t sequence, uint32_t step, uint32_t channel,
                           bsm_taps<MOST> *taps)
{
    BSM_UNROLL
    for (uint32_t v = 0; v < V; v++) {
        taps[v].start(p.weight, p.shape.taps, channel + v);
        for (uint32_t k = 1; k < p.shape.taps; k++) {
            taps[v].push(input<T>(p, sequence, (int64_t)step + k - p.shape.taps, channel + v));
        }
    }
}

/* Convolve SPAN steps of a chunk from step `first` on, for V channels. */
template <class T, uint32_t MOST, uint32_t V>
__device__ void convolve_span(const bsm_prepare &p, uint32_t chunk, uint32_t first,
                              uint32_t channel)
{
    typedef bsm_pack<T, V> pack;
    const bsm_cuda_chunk_place place = bsm_chunk_at(p.steps, chunk);
    const uint32_t step = place.first + first;
    const T *column = (const T *)p.zxBC + bsm_shape_inner(p.shape) + channel;
    const channels_out<T, V> o = out_of<T, V>(p, chunk, channel);
    bsm_walk<const pack> in(p.steps, place.sequence, step, bsm_shape_zxBC(p.shape) / V,
                            (const pack *)column);
    pack inputs[SPAN]; /* all loads are under way at the same time */
    in.template take<SPAN>(place.length > first ? place.length - first : 0, inputs);
    bsm_taps<MOST> taps[V] = {};
    if (first < place.length) {
        start_taps<T, MOST, V>(p, place.sequence, step, channel, taps);
    }
    BSM_UNROLL
    for (uint32_t k = 0; k < SPAN; k++) {
        float values[V] = {};
        BSM_UNROLL
        for (uint32_t v = 0; v < V && first + k < place.length; v++) {
            taps[v].push(bsm_value<T>::to_float(inputs[k].values[v]));
            values[v] = bsm_silu_of<T>(p.bias[channel + v] + taps[v].sum());
        }
        o.store(first + k, values);
    }
}

/* One thread per span of a chunk and V channels. It walks along the steps and keeps the inputs that
 * the next steps need. */
template <class T, uint32_t MOST, uint32_t V> __global__ void convolution(bsm_prepare p)
{
    const uint32_t conv = bsm_shape_conv(p.shape);
    const uint32_t first = p.only_BC ? bsm_shape_inner(p.shape) : 0, width = THREADS * V;
    const uint32_t parts = (conv - first + width - 1) / width;
    const uint32_t spans = p.steps.chunk / SPAN, span = blockIdx.x / parts;
    const uint32_t channel = first + blockIdx.x % parts * width + threadIdx.x * V;
    if (channel < conv) {
        convolve_span<T, MOST, V>(p, span / spans, span % spans * SPAN, channel);
    }
}

/* Two neighbouring channels are handled together if a head has an even number of channels: then
 * both belong to x of the same head, or both to B and C, and are adjacent in memory. */
template <class T> static void convolve(bsm_kernel_queue queue, const bsm_prepare &prepare)
{
    const bsm_prepare p = prepare;
    const uint32_t channels = p.only_BC ? 2 * p.shape.d_state : bsm_shape_conv(p.shape);
    const unsigned int spans = p.steps.sequences * p.steps.chunks * (p.steps.chunk / SPAN);
    const unsigned int blocks = spans * bsm_blocks_for(channels, THREADS);
    const unsigned int of_pairs = spans * bsm_blocks_for(channels, 2 * THREADS);
    if (p.shape.taps > BSM_FEW_TAPS) {
        BSM_LAUNCH_FLAT((convolution<T, BSM_MOST_TAPS, 1>), blocks, THREADS, queue.stream, p);
    } else if (p.shape.headdim % 2 != 0) {
        BSM_LAUNCH_FLAT((convolution<T, BSM_FEW_TAPS, 1>), blocks, THREADS, queue.stream, p);
    } else {
        BSM_LAUNCH_FLAT((convolution<T, BSM_FEW_TAPS, 2>), of_pairs, THREADS, queue.stream, p);
    }
}

void bsm_kernel_convolution(bsm_kernel_queue queue, const bsm_prepare *prepare)
{
    if (queue.bf16) {
        convolve<bsm_bf16>(queue, *prepare);
    } else {
        convolve<float>(queue, *prepare);
    }
}

/* One thread per sequence and channel. Each old input is read before its memory is overwritten. */
template <class T> __global__ void save_tail(bsm_prepare p, float *tail)
{
    const uint32_t conv = bsm_shape_conv(p.shape), kept = p.shape.taps - 1;
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)p.steps.sequences * conv) {
        return;
    }
    const uint32_t sequence = (uint32_t)(index / conv), channel = (uint32_t)(index % conv);
    for (uint32_t k = 0; k < kept; k++) {
        const int64_t step = (int64_t)p.steps.split + k - kept;
        tail[((size_t)sequence * kept + k) * conv + channel] = input<T>(p, sequence, step, channel);
    }
}

void bsm_kernel_save_tail(bsm_kernel_queue queue, const bsm_prepare *prepare, float *tail)
{
    const bsm_prepare p = *prepare;
    const size_t count = (size_t)p.steps.sequences * bsm_shape_conv(p.shape);
    const unsigned int blocks = bsm_blocks_for(count, THREADS);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(save_tail<bsm_bf16>, blocks, THREADS, queue.stream, p, tail);
    } else {
        BSM_LAUNCH_FLAT(save_tail<float>, blocks, THREADS, queue.stream, p, tail);
    }
}
