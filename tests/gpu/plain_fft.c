/* SPDX-License-Identifier: ISC */
/* Implements the discrete Fourier transform of real signals (signal/fft.h) by its definition, for
 * machines without KissFFT: a few hundred times slower, and no less exact. */
#include <math.h>
#include <stdlib.h>

#include "signal/fft.h"

struct bsm_fft {
    size_t length;
    double *cosine, *sine; /* [length] of 2 pi i / length */
};

bsm_status bsm_fft_new(size_t length, bool inverse, bsm_fft **fft, bsm_error *error)
{
    (void)inverse;
    *fft = NULL;
    if (length < 2 || length > 1 << 16) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "FFT of %zu samples", length);
    }
    bsm_fft *made = calloc(1, sizeof *made);
    if (made) {
        made->length = length;
        made->cosine = malloc(length * sizeof *made->cosine);
        made->sine = malloc(length * sizeof *made->sine);
    }
    if (!made || !made->cosine || !made->sine) {
        bsm_fft_free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "FFT of %zu samples: out of memory", length);
    }
    for (size_t i = 0; i < length; i++) {
        made->cosine[i] = cos(2 * M_PI * (double)i / (double)length);
        made->sine[i] = sin(2 * M_PI * (double)i / (double)length);
    }
    *fft = made;
    return BSM_OK;
}

void bsm_fft_free(bsm_fft *fft)
{
    if (fft) {
        free(fft->cosine);
        free(fft->sine);
        free(fft);
    }
}

void bsm_fft_forward(bsm_fft *fft, const float *samples, float *bins)
{
    for (size_t k = 0; k <= fft->length / 2; k++) {
        double re = 0, im = 0;
        for (size_t i = 0, turn = 0; i < fft->length; i++, turn = (turn + k) % fft->length) {
            re += (double)samples[i] * fft->cosine[turn];
            im -= (double)samples[i] * fft->sine[turn];
        }
        bins[2 * k] = (float)re;
        bins[2 * k + 1] = (float)im;
    }
}

void bsm_fft_inverse(bsm_fft *fft, const float *bins, float *samples)
{
    size_t half = fft->length / 2;
    bool even = fft->length % 2 == 0;
    for (size_t i = 0; i < fft->length; i++) {
        double sum = (double)bins[0];
        for (size_t k = 1, turn = i; k <= half; k++, turn = (turn + i) % fft->length) {
            double weight = even && k == half ? 1 : 2;
            double im = even && k == half ? 0 : (double)bins[2 * k + 1];
            sum += weight * ((double)bins[2 * k] * fft->cosine[turn] - im * fft->sine[turn]);
        }
        samples[i] = (float)sum;
    }
}
