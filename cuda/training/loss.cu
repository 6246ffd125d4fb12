/* SPDX-License-Identifier: ISC */
/* Computes the terms of the loss, and their gradients w.r.t. the predicted audio or its bins. */
#include "training/block_sum.h"

static __global__ void time_term(bsm_time_term t)
{
    double sum = 0;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < t.count;
         i += (size_t)gridDim.x * blockDim.x) {
        const float d = t.predicted[i] - t.target[i];
        t.predicted[i] = d;
        t.gradient[i] = d > 0 ? t.step : d < 0 ? -t.step : 0 * d; /* NaN stays NaN */
        sum += (double)fabsf(d);
    }
    sum = bsm_block_sum(sum);
    if (threadIdx.x == 0) {
        t.partial[blockIdx.x] = sum;
    }
}

void bsm_kernel_time_term(bsm_kernel_queue queue, const bsm_time_term *term)
{
    const bsm_time_term t = *term;
    const unsigned int blocks = bsm_reducing_blocks(t.count);
    BSM_LAUNCH(time_term, blocks, BSM_REDUCING_THREADS, queue.stream, t);
    BSM_LAUNCH(bsm_sum_blocks, 1, BSM_REDUCING_THREADS, queue.stream, blocks, t.partial, t.sum);
}

static __global__ void square_term(bsm_time_term t)
{
    double sum = 0;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < t.count;
         i += (size_t)gridDim.x * blockDim.x) {
        const float d = t.predicted[i] - t.target[i];
        t.predicted[i] = d;
        sum += (double)d * (double)d;
    }
    sum = bsm_block_sum(sum);
    if (threadIdx.x == 0) {
        t.partial[blockIdx.x] = sum;
    }
}

/* This kernel runs after the sum of all squares is known. */
static __global__ void square_gradient(bsm_time_term t)
{
    const float step = (float)((double)t.step / sqrt(*t.sum / (double)t.count + t.floor));
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < t.count;
         i += (size_t)gridDim.x * blockDim.x) {
        t.gradient[i] = step * t.predicted[i];
    }
}

void bsm_kernel_square_term(bsm_kernel_queue queue, const bsm_time_term *term)
{
    const bsm_time_term t = *term;
    const unsigned int blocks = bsm_reducing_blocks(t.count);
    BSM_LAUNCH(square_term, blocks, BSM_REDUCING_THREADS, queue.stream, t);
    BSM_LAUNCH(bsm_sum_blocks, 1, BSM_REDUCING_THREADS, queue.stream, blocks, t.partial, t.sum);
    BSM_LAUNCH(square_gradient, blocks, BSM_REDUCING_THREADS, queue.stream, t);
}

/* Sums of squares over one thread's share of a piece. */
struct energies {
    double mixture, target, predicted;
};

__device__ static energies energies_of(const bsm_silence_term &t, size_t first, size_t end)
{
    energies e = {0, 0, 0};
    for (uint32_t c = 0; c < t.channels; c++) {
        for (size_t i = first + threadIdx.x; i < end; i += blockDim.x) {
            const size_t at = c * t.samples + i;
            const double m = (double)t.mixture[at], target = (double)t.target[at];
            const double p = target + (double)t.difference[at];
            e.mixture += m * m;
            e.target += target * target;
            e.predicted += p * p;
        }
    }
    return e;
}

/* Return the sum over the block, in all its threads. */
__device__ static double block_total(double x)
{
    __shared__ double total;
    x = bsm_block_sum(x);
    if (threadIdx.x == 0) {
        total = x;
    }
    __syncthreads();
    x = total;
    __syncthreads(); /* before the next call writes `total` */
    return x;
}

__device__ static double silent_piece(const bsm_silence_term &t, size_t first, size_t end)
{
    const double decibel = 4.3429448190325183; /* 10 / ln 10 */
    const double share = (double)(end - first) / (double)t.samples;
    const energies e = energies_of(t, first, end);
    const double allowed = t.floor * block_total(e.mixture);
    const double target = block_total(e.target), predicted = block_total(e.predicted);
    if (!(target < allowed)) {
        return 0;
    }
    const float factor = (float)(t.step * share * decibel * 2 / (allowed + predicted));
    for (uint32_t c = 0; c < t.channels; c++) {
        for (size_t i = first + threadIdx.x; i < end; i += blockDim.x) {
            const size_t at = c * t.samples + i;
            t.gradient[at] += factor * (t.target[at] + t.difference[at]);
        }
    }
    return share * decibel * log1p(predicted / allowed);
}

/* Each thread block handles whole pieces. */
static __global__ void silence_term(bsm_silence_term t)
{
    double sum = 0;
    for (size_t first = blockIdx.x * t.piece; first < t.samples; first += gridDim.x * t.piece) {
        sum += silent_piece(t, first, t.samples - first < t.piece ? t.samples : first + t.piece);
    }
    if (threadIdx.x == 0) {
        t.partial[blockIdx.x] = sum;
    }
}

void bsm_kernel_silence_term(bsm_kernel_queue queue, const bsm_silence_term *term)
{
    const bsm_silence_term t = *term;
    const size_t pieces = (t.samples + t.piece - 1) / t.piece;
    const unsigned int blocks =
        pieces < BSM_REDUCING_BLOCKS ? (unsigned int)pieces : (unsigned int)BSM_REDUCING_BLOCKS;
    BSM_LAUNCH(silence_term, blocks, BSM_REDUCING_THREADS, queue.stream, t);
    BSM_LAUNCH(bsm_sum_blocks, 1, BSM_REDUCING_THREADS, queue.stream, blocks, t.partial, t.sum);
}

/* Replace a bin by its gradient and return its modulus. Inner bins get half of their gradient,
 * because the inverse transform counts them twice. */
__device__ static float normalise(float *z, bool inner, float step)
{
    const float tiny = 1e-19f; /* its square is about the smallest normal number */
    const float modulus = sqrtf(z[0] * z[0] + z[1] * z[1]);
    const float factor = (inner ? step / 2 : step) / (modulus > tiny ? modulus : tiny);
    z[0] *= factor;
    z[1] *= factor;
    return modulus;
}

static __global__ void moduli(bsm_moduli m)
{
    const uint32_t bins = m.n_fft / 2 + 1;
    double sum = 0;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < m.transforms * bins;
         i += (size_t)gridDim.x * blockDim.x) {
        const uint32_t bin = (uint32_t)(i % bins);
        sum += (double)normalise(m.bins + 2 * i, bin > 0 && 2 * bin < m.n_fft, m.step);
    }
    sum = bsm_block_sum(sum);
    if (threadIdx.x == 0) {
        m.partial[blockIdx.x] = sum;
    }
}

void bsm_kernel_moduli(bsm_kernel_queue queue, const bsm_moduli *moduli_)
{
    const bsm_moduli m = *moduli_;
    const unsigned int blocks = bsm_reducing_blocks(m.transforms * (m.n_fft / 2 + 1));
    BSM_LAUNCH(moduli, blocks, BSM_REDUCING_THREADS, queue.stream, m);
    BSM_LAUNCH(bsm_sum_blocks, 1, BSM_REDUCING_THREADS, queue.stream, blocks, m.partial, m.sum);
}
