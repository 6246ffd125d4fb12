/* SPDX-License-Identifier: ISC */
/** Fourier transforms of real numbers, many at once. fft.c computes them with cuFFT; in the
 *  tests the host computes them (tests/cuda/emulated_fft.cc). They are queued like everything in
 *  gpu.h. */
#ifndef BSM_CUDA_FFT_H
#define BSM_CUDA_FFT_H

#include "gpu.h"

BSM_BEGIN_DECLS

typedef struct bsm_gpu_fft bsm_gpu_fft;

/** Plan `batch` transforms of `length` numbers to length / 2 + 1 bins [re, im], and back.
 *  BSM_NO_MEMORY, BSM_DEVICE_FAILED. */
bsm_status bsm_gpu_fft_new(bsm_gpu *gpu, size_t length, size_t batch, bsm_gpu_fft **fft,
                           bsm_error *error);
void bsm_gpu_fft_free(bsm_gpu_fft *fft);

/** The bytes of scratch on the GPU that a transform needs; may be 0. */
size_t bsm_gpu_fft_bytes(const bsm_gpu_fft *fft);

void bsm_gpu_fft_forward(bsm_gpu *gpu, bsm_gpu_fft *fft, float *samples, float *bins,
                         void *scratch);

/** The inverse transform, times `length`. The bins at 0 Hz and at half the sample rate must be
 *  real. `bins` is overwritten. */
void bsm_gpu_fft_inverse(bsm_gpu *gpu, bsm_gpu_fft *fft, float *bins, float *samples,
                         void *scratch);

BSM_END_DECLS

#endif
