/* SPDX-License-Identifier: ISC */
/* Cuts signals into frames for the transform and puts them together again, as signal/transform.c
 * does. Positions count in the plane, which is the signal with `before` more samples in front of
 * it: frame f covers the n_fft samples from position f * hop on. */
#include "exec.h"
#include "kernels.h"

enum { THREADS = 256 };

/* ---- Frames ---- */

/* The same as bsm_frame_reflect. */
__device__ static uint32_t reflect(int64_t position, uint32_t samples)
{
    if (samples == 1) {
        return 0;
    }
    const int64_t period = 2 * ((int64_t)samples - 1);
    int64_t phase = position % period;
    phase += phase < 0 ? period : 0;
    return (uint32_t)(phase < samples ? phase : period - phase);
}

/* The index in a frame at which the window starts. */
__device__ static uint32_t left_of(const bsm_framing &f)
{
    return (f.n_fft - f.window_size) / 2;
}

/* The sample of the plane at `position`. */
__device__ static float plane(const bsm_framing &f, const float *audio, int64_t position,
                              bool adjoint)
{
    const int64_t i = position - f.before;
    if (!adjoint) {
        return audio[reflect(i, f.samples)];
    }
    return i >= 0 && i < f.samples ? audio[i] * f.weights[i] : 0.0f;
}

static __global__ void cut_frames(bsm_framing f, const float *audio, bool adjoint, float *out)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)f.frames * f.channels * f.n_fft) {
        return;
    }
    const uint32_t i = (uint32_t)(index % f.n_fft), left = left_of(f);
    const size_t transform = index / f.n_fft;
    const float *channel = audio + transform % f.channels * f.samples;
    const int64_t position = (int64_t)(transform / f.channels) * f.hop + i;
    const bool inside = i >= left && i - left < f.window_size;
    out[index] = inside ? f.window[i - left] * plane(f, channel, position, adjoint) : 0.0f;
}

void bsm_kernel_cut_frames(bsm_kernel_queue queue, const bsm_framing *framing, const float *audio,
                           bool adjoint, float *out)
{
    const bsm_framing f = *framing;
    const size_t count = (size_t)f.frames * f.channels * f.n_fft;
    BSM_LAUNCH_FLAT(cut_frames, bsm_blocks_for(count, THREADS), THREADS, queue.stream, f, audio,
                    adjoint, out);
}

/* ---- Bins ---- */

/* The index of a bin among the transforms, given its index in the spectrum. */
__device__ static size_t transformed(const bsm_framing &f, size_t index)
{
    const uint32_t bins = f.n_fft / 2 + 1;
    const size_t channel = index % f.channels, bin = index / f.channels % bins;
    const size_t frame = index / f.channels / bins;
    return (frame * f.channels + channel) * bins + bin;
}

/* Return whether a bin lies between 0 Hz and half the sample rate, and so stands for two bins of
 * the full transform. */
__device__ static bool is_inner(const bsm_framing &f, size_t index)
{
    const uint32_t bin = (uint32_t)(index / f.channels % (f.n_fft / 2 + 1));
    return bin > 0 && 2 * bin < f.n_fft;
}

/* One thread per complex number of a spectrum. */
static __global__ void store_bins(bsm_framing f, const float *bins, bool adjoint, float *spectrum)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)f.frames * f.channels * (f.n_fft / 2 + 1)) {
        return;
    }
    const float *z = bins + 2 * transformed(f, index);
    const float scale = 1.0f / (float)f.n_fft;
    const float factor = !adjoint ? 1.0f : is_inner(f, index) ? 2 * scale : scale;
    spectrum[2 * index] = factor * z[0];
    spectrum[2 * index + 1] = factor * z[1];
}

void bsm_kernel_store_bins(bsm_kernel_queue queue, const bsm_framing *framing, const float *bins,
                           bool adjoint, float *spectrum)
{
    const bsm_framing f = *framing;
    const size_t count = (size_t)f.frames * f.channels * (f.n_fft / 2 + 1);
    BSM_LAUNCH_FLAT(store_bins, bsm_blocks_for(count, THREADS), THREADS, queue.stream, f, bins,
                    adjoint, spectrum);
}

/* The imaginary parts of bins that stand for only one bin of the full transform are taken as
 * zero. */
static __global__ void load_bins(bsm_framing f, const float *spectrum, float *bins)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)f.frames * f.channels * (f.n_fft / 2 + 1)) {
        return;
    }
    float *z = bins + 2 * transformed(f, index);
    const float scale = 1.0f / (float)f.n_fft;
    z[0] = scale * spectrum[2 * index];
    z[1] = is_inner(f, index) ? scale * spectrum[2 * index + 1] : 0.0f;
}

void bsm_kernel_load_bins(bsm_kernel_queue queue, const bsm_framing *framing, const float *spectrum,
                          float *bins)
{
    const bsm_framing f = *framing;
    const size_t count = (size_t)f.frames * f.channels * (f.n_fft / 2 + 1);
    BSM_LAUNCH_FLAT(load_bins, bsm_blocks_for(count, THREADS), THREADS, queue.stream, f, spectrum,
                    bins);
}

/* ---- Overlap-add ---- */

/* The sum of the windowed frames at a position of a channel's plane. */
__device__ static float overlapped(const bsm_framing &f, const float *frames, uint32_t channel,
                                   int64_t position)
{
    const int64_t from = position - left_of(f); /* relative to the start of the first window */
    const int64_t late = from - f.window_size + 1;
    const int64_t first = late > 0 ? (late + f.hop - 1) / f.hop : 0;
    float sum = 0;
    for (int64_t t = first; t < f.frames && t * f.hop <= from; t++) {
        const size_t transform = (size_t)t * f.channels + channel;
        const int64_t i = from - t * f.hop;
        sum += frames[transform * f.n_fft + left_of(f) + (size_t)i] * f.window[i];
    }
    return sum;
}

/* One thread per sample. */
static __global__ void overlap_add(bsm_framing f, const float *frames, float *audio)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)f.channels * f.samples) {
        return;
    }
    const uint32_t channel = (uint32_t)(index / f.samples), i = (uint32_t)(index % f.samples);
    const float sum = overlapped(f, frames, channel, (int64_t)i + f.before);
    audio[index] = f.weights ? f.weights[i] * sum : sum;
}

void bsm_kernel_overlap_add(bsm_kernel_queue queue, const bsm_framing *framing, const float *frames,
                            float *audio)
{
    const bsm_framing f = *framing;
    BSM_LAUNCH_FLAT(overlap_add, bsm_blocks_for((size_t)f.channels * f.samples, THREADS), THREADS,
                    queue.stream, f, frames, audio);
}

/* The sum of the overlapped frames over the positions `first`, `first` + period and so on, back to
 * the start of the plane and up to its end. These positions count from the signal's start. */
__device__ static float folded(const bsm_framing &f, const float *frames, uint32_t channel,
                               int64_t first, int64_t period)
{
    const int64_t before = f.before, end = (int64_t)f.samples + f.n_fft - before;
    const int64_t back = (first + before) / period; /* periods back to the plane's start */
    float sum = 0;
    for (int64_t at = first - back * period; at < end; at += period) {
        sum += at >= -before ? overlapped(f, frames, channel, at + before) : 0.0f;
    }
    return sum;
}

/* One thread per sample. By reflection, position p shows sample i if p = i or p = -i, plus any
 * number of periods. */
static __global__ void fold_frames(bsm_framing f, const float *frames, float *audio)
{
    const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (size_t)f.channels * f.samples) {
        return;
    }
    const uint32_t channel = (uint32_t)(index / f.samples), i = (uint32_t)(index % f.samples);
    const int64_t period = f.samples > 1 ? 2 * ((int64_t)f.samples - 1) : 1;
    float sum = folded(f, frames, channel, i, period);
    if (i > 0 && i + 1 < f.samples) { /* an end is its own reflection */
        sum += folded(f, frames, channel, period - i, period);
    }
    audio[index] += sum;
}

void bsm_kernel_fold_frames(bsm_kernel_queue queue, const bsm_framing *framing, const float *frames,
                            float *audio)
{
    const bsm_framing f = *framing;
    BSM_LAUNCH_FLAT(fold_frames, bsm_blocks_for((size_t)f.channels * f.samples, THREADS), THREADS,
                    queue.stream, f, frames, audio);
}
