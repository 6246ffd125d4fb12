/* SPDX-License-Identifier: ISC */
/* The backward pass of the computations that differ from band to band: the norm of the features,
 * and the mask. */
#include "training/training_kernels.h"
#include "value.h"

enum { THREADS = 128, FLAT_THREADS = 256 };

/* ---- Band split ---- */

/* One warp per band of each frame. */
static __global__ void split_factors(bsm_split_backward s)
{
    const uint32_t index = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    if (index >= s.num_bands * s.frames) {
        return;
    }
    const bsm_packed_band band = s.bands[index / s.frames];
    const float *f = s.spectrum + (size_t)(index % s.frames) * s.features + band.offset;
    float sum = 0;
    for (uint32_t i = threadIdx.x % BSM_WARP; i < band.features; i += BSM_WARP) {
        sum += f[i] * f[i];
    }
    const float norm = sqrtf(bsm_warp_sum(sum));
    if (threadIdx.x % BSM_WARP == 0) {
        s.factors[index] = sqrtf((float)band.features) / fmaxf(norm, 1e-12f);
    }
}

/* One thread per feature of a piece of the frames. */
static __global__ void split_gamma(bsm_split_backward s)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t piece = (uint32_t)(index / s.features), i = (uint32_t)(index % s.features);
    if (piece >= bsm_pieces_of(s.frames)) {
        return;
    }
    const uint32_t k = s.band_of[i / 2], first = piece * BSM_PIECE_ROWS;
    const bsm_packed_band band = s.bands[k];
    const float *d = s.d_packed + (size_t)band.before * s.frames + i - band.offset;
    float sum = 0;
    for (uint32_t t = first; t < first + BSM_PIECE_ROWS && t < s.frames; t++) {
        sum += d[(size_t)t * band.width] * s.spectrum[(size_t)t * s.features + i] *
               s.factors[(size_t)k * s.frames + t];
    }
    s.partial[index] = sum;
}

void bsm_kernel_split_backward(bsm_kernel_queue queue, const bsm_split_backward *split)
{
    const bsm_split_backward s = *split;
    const unsigned int warps = bsm_blocks_for((size_t)s.num_bands * s.frames, THREADS / BSM_WARP);
    const size_t count = (size_t)bsm_pieces_of(s.frames) * s.features;
    BSM_LAUNCH(split_factors, warps, THREADS, queue.stream, s);
    BSM_LAUNCH_FLAT(split_gamma, bsm_blocks_for(count, FLAT_THREADS), FLAT_THREADS, queue.stream,
                    s);
}

/* ---- Mask ---- */

/* One thread per column of a piece of a band. */
template <class T> __global__ void tanh_backward(bsm_tanh_backward h)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t pieces = bsm_pieces_of(h.rows);
    if (index >= (size_t)h.num_bands * pieces * h.width) {
        return;
    }
    const uint32_t i = (uint32_t)(index % h.width), all = (uint32_t)(index / h.width);
    const uint32_t first = all % pieces * BSM_PIECE_ROWS;
    const size_t band = (size_t)(all / pieces) * h.rows;
    float sum = 0;
    for (uint32_t r = first; r < first + BSM_PIECE_ROWS && r < h.rows; r++) {
        const size_t at = (band + r) * h.width + i;
        const float t = bsm_value<T>::to_float(((const T *)h.out)[at]);
        const float d = h.d_out[at] * (1.0f - t * t);
        ((T *)h.d_hidden)[at] = bsm_value<T>::from(d);
        sum += d;
    }
    h.partial[index] = sum;
}

void bsm_kernel_tanh_backward(bsm_kernel_queue queue, const bsm_tanh_backward *tanh)
{
    const bsm_tanh_backward h = *tanh;
    const size_t count = (size_t)h.num_bands * bsm_pieces_of(h.rows) * h.width;
    const unsigned int blocks = bsm_blocks_for(count, FLAT_THREADS);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(tanh_backward<bsm_bf16>, blocks, FLAT_THREADS, queue.stream, h);
    } else {
        BSM_LAUNCH_FLAT(tanh_backward<float>, blocks, FLAT_THREADS, queue.stream, h);
    }
}

/* The gradients w.r.t. one number of a mask before it is gated, d[0], and w.r.t. its gate, d[1]. */
__device__ static void part_backward(const bsm_apply_mask &m, const bsm_packed_band &band,
                                     size_t at, uint32_t i, float d_mask, float *d)
{
    const float *bias = m.bias + 2 * (size_t)band.before;
    const float value = m.values[at + i] + bias[i];
    const float s = bsm_sigmoid(m.values[at + band.width + i] + bias[band.width + i]);
    d[0] = d_mask * s;
    d[1] = d_mask * value * s * (1.0f - s);
}

/* Process feature i of a band in one frame: write its gradients, and return them in d. */
template <class T>
__device__ void mask_feature(const bsm_apply_mask_backward &m, const bsm_packed_band &band,
                             uint32_t t, uint32_t i, float *d)
{
    const bsm_apply_mask &f = m.forward;
    const size_t at = 2 * ((size_t)band.before * f.frames + (size_t)t * band.width);
    const size_t pair = (size_t)t * f.features + band.offset + i / 2 * 2;
    const float re = f.mixture[pair], im = f.mixture[pair + 1];
    const float d_re = m.d_masked[pair], d_im = m.d_masked[pair + 1];
    part_backward(f, band, at, i, i % 2 ? re * d_im - im * d_re : re * d_re + im * d_im, d);
    ((T *)m.d_values)[at + i] = bsm_value<T>::from(d[0]);
    ((T *)m.d_values)[at + band.width + i] = bsm_value<T>::from(d[1]);
}

/* One thread per feature of a piece of the frames. */
template <class T> __global__ void mask_backward(bsm_apply_mask_backward m)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t features = m.forward.features, frames = m.forward.frames;
    const uint32_t piece = (uint32_t)(index / features), feature = (uint32_t)(index % features);
    if (piece >= bsm_pieces_of(frames)) {
        return;
    }
    const bsm_packed_band band = m.forward.bands[m.forward.band_of[feature / 2]];
    const uint32_t i = feature - band.offset, first = piece * BSM_PIECE_ROWS;
    float value = 0, gate = 0;
    for (uint32_t t = first; t < first + BSM_PIECE_ROWS && t < frames; t++) {
        float d[2];
        mask_feature<T>(m, band, t, i, d);
        value += d[0];
        gate += d[1];
    }
    float *partial = m.partial + 2 * ((size_t)piece * features + band.before);
    partial[i] = value;
    partial[band.width + i] = gate;
}

void bsm_kernel_apply_mask_backward(bsm_kernel_queue queue, const bsm_apply_mask_backward *mask)
{
    const bsm_apply_mask_backward m = *mask;
    const size_t count = (size_t)bsm_pieces_of(m.forward.frames) * m.forward.features;
    const unsigned int blocks = bsm_blocks_for(count, FLAT_THREADS);
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(mask_backward<bsm_bf16>, blocks, FLAT_THREADS, queue.stream, m);
    } else {
        BSM_LAUNCH_FLAT(mask_backward<float>, blocks, FLAT_THREADS, queue.stream, m);
    }
}
