/* SPDX-License-Identifier: ISC */
/* The computations that differ from band to band: the norm of the features for the band split, and
 * the mask. */
#include "steps.h"
#include "value.h"

enum { THREADS = 128, FLAT_THREADS = 256 };

/* One warp per band of each frame. */
template <class T> __global__ void split(bsm_split s)
{
    const uint32_t index = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    const uint32_t lane = threadIdx.x % BSM_WARP;
    if (index >= s.num_bands * s.frames) {
        return;
    }
    const uint32_t k = index / s.frames, t = index % s.frames;
    const bsm_packed_band band = s.bands[k];
    const float *f = s.spectrum + (size_t)t * s.features + band.offset;
    T *packed = (T *)s.packed + (size_t)band.before * s.frames + (size_t)t * band.width;

    float sum = 0;
    for (uint32_t i = lane; i < band.features; i += BSM_WARP) {
        sum += f[i] * f[i];
    }
    const float norm = sqrtf(bsm_warp_sum(sum));
    const float factor = sqrtf((float)band.features) / fmaxf(norm, 1e-12f);
    for (uint32_t i = lane; i < band.width; i += BSM_WARP) {
        const bool own = i < band.features;
        packed[i] = bsm_value<T>::from(own ? f[i] * factor * s.gamma[band.offset + i] : 0.0f);
    }
    for (uint32_t i = lane; i < s.dim; i += BSM_WARP) {
        s.x[(size_t)index * s.dim + i] = s.bias[(size_t)k * s.dim + i];
    }
}

void bsm_kernel_split(bsm_kernel_queue queue, const bsm_split *split_)
{
    const bsm_split s = *split_;
    const unsigned int blocks = bsm_blocks_for((size_t)s.num_bands * s.frames, THREADS / BSM_WARP);
    if (queue.bf16) {
        BSM_LAUNCH(split<bsm_bf16>, blocks, THREADS, queue.stream, s);
    } else {
        BSM_LAUNCH(split<float>, blocks, THREADS, queue.stream, s);
    }
}

/* One thread block per row. */
template <class T> __global__ void tanh_bias(bsm_tanh h)
{
    const size_t row = (size_t)blockIdx.x * h.width;
    const float *bias = h.bias + (size_t)(blockIdx.x / h.rows) * h.width;
    for (uint32_t i = threadIdx.x; i < h.width; i += blockDim.x) {
        ((T *)h.out)[row + i] = bsm_value<T>::from(tanhf(h.hidden[row + i] + bias[i]));
    }
}

void bsm_kernel_tanh(bsm_kernel_queue queue, const bsm_tanh *tanh_)
{
    const bsm_tanh h = *tanh_;
    const unsigned int blocks = h.num_bands * h.rows;
    if (queue.bf16) {
        BSM_LAUNCH_FLAT(tanh_bias<bsm_bf16>, blocks, FLAT_THREADS, queue.stream, h);
    } else {
        BSM_LAUNCH_FLAT(tanh_bias<float>, blocks, FLAT_THREADS, queue.stream, h);
    }
}

/* The real or imaginary part number `i` of a mask. */
__device__ static float mask_part(const float *values, const float *bias, uint32_t width,
                                  uint32_t i)
{
    return (values[i] + bias[i]) * bsm_sigmoid(values[width + i] + bias[width + i]);
}

/* One thread per complex number of the spectrum. */
static __global__ void apply_mask(bsm_apply_mask m)
{
    const uint32_t parts = (m.features / 2 + blockDim.x - 1) / blockDim.x;
    const uint32_t t = blockIdx.x / parts;
    const uint32_t pair = blockIdx.x % parts * blockDim.x + threadIdx.x;
    if (pair >= m.features / 2) {
        return;
    }
    const size_t index = (size_t)t * (m.features / 2) + pair;
    const bsm_packed_band band = m.bands[m.band_of[pair]];
    const float *values = m.values + 2 * ((size_t)band.before * m.frames + (size_t)t * band.width);
    const float *bias = m.bias + 2 * (size_t)band.before;
    const uint32_t i = 2 * pair - band.offset;
    const float re = mask_part(values, bias, band.width, i);
    const float im = mask_part(values, bias, band.width, i + 1);
    const float a = m.mixture[2 * index], b = m.mixture[2 * index + 1];
    m.masked[2 * index] = a * re - b * im;
    m.masked[2 * index + 1] = a * im + b * re;
}

void bsm_kernel_apply_mask(bsm_kernel_queue queue, const bsm_apply_mask *mask)
{
    const bsm_apply_mask m = *mask;
    const unsigned int blocks = m.frames * bsm_blocks_for(m.features / 2, FLAT_THREADS);
    BSM_LAUNCH_FLAT(apply_mask, blocks, FLAT_THREADS, queue.stream, m);
}
