/* SPDX-License-Identifier: ISC */
/** The discrete Fourier transform of real signals of any length from 2, by KissFFT.
 *
 *  KissFFT allocates nothing while it transforms, unless the length has a prime factor above 5. */
#ifndef BSM_SIGNAL_FFT_H
#define BSM_SIGNAL_FFT_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

typedef struct bsm_fft bsm_fft;

/** A plan for one direction. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_fft_new(size_t length, bool inverse, bsm_fft **fft, bsm_error *error);
void bsm_fft_free(bsm_fft *fft);

/** Transform `length` samples to length / 2 + 1 bins of [re, im]. */
void bsm_fft_forward(bsm_fft *fft, const float *samples, float *bins);

/** The inverse transform times `length`. The imaginary parts of the bins at 0 Hz and at half the
 *  sample rate are taken as zero, as in every transform to a real signal. */
void bsm_fft_inverse(bsm_fft *fft, const float *bins, float *samples);

#endif
