/* SPDX-License-Identifier: ISC */
/* The discrete Fourier transform of real signals, over KissFFT. */
#include "signal/fft.h"

#include <kiss_fft.h>
#include <kiss_fftr.h>
#include <stdlib.h>

_Static_assert(sizeof(kiss_fft_cpx) == 2 * sizeof(float), "bins are pairs of floats");

enum { MAX_LENGTH = 1 << 24 };

struct bsm_fft {
    size_t length;
    kiss_fftr_cfg even; /* KissFFT's real transform accepts even lengths only ... */
    kiss_fft_cfg odd;   /* ... so odd lengths use the complex transform. */
    kiss_fft_cpx *time, *frequency;
};

static bool allocate(bsm_fft *fft, bool inverse)
{
    int length = (int)fft->length;
    if (fft->length % 2 == 0) {
        fft->even = kiss_fftr_alloc(length, inverse, NULL, NULL);
        return fft->even;
    }
    fft->odd = kiss_fft_alloc(length, inverse, NULL, NULL);
    fft->time = malloc(fft->length * sizeof *fft->time);
    fft->frequency = malloc(fft->length * sizeof *fft->frequency);
    return fft->odd && fft->time && fft->frequency;
}

bsm_status bsm_fft_new(size_t length, bool inverse, bsm_fft **fft, bsm_error *error)
{
    *fft = NULL;
    if (length < 2 || length > MAX_LENGTH) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "FFT of %zu samples, not 2 to %d", length,
                        MAX_LENGTH);
    }
    bsm_fft *made = calloc(1, sizeof *made);
    if (made) {
        made->length = length;
    }
    if (!made || !allocate(made, inverse)) {
        bsm_fft_free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "FFT of %zu samples: out of memory", length);
    }
    *fft = made;
    return BSM_OK;
}

void bsm_fft_free(bsm_fft *fft)
{
    if (fft) {
        kiss_fftr_free(fft->even);
        kiss_fft_free(fft->odd);
        free(fft->time);
        free(fft->frequency);
        free(fft);
    }
}

void bsm_fft_forward(bsm_fft *fft, const float *samples, float *bins)
{
    if (fft->even) {
        kiss_fftr(fft->even, samples, (kiss_fft_cpx *)bins);
        return;
    }
    for (size_t i = 0; i < fft->length; i++) {
        fft->time[i] = (kiss_fft_cpx){samples[i], 0.0F};
    }
    kiss_fft(fft->odd, fft->time, fft->frequency);
    for (size_t k = 0; k <= fft->length / 2; k++) {
        bins[2 * k] = fft->frequency[k].r;
        bins[2 * k + 1] = fft->frequency[k].i;
    }
}

void bsm_fft_inverse(bsm_fft *fft, const float *bins, float *samples)
{
    if (fft->even) {
        kiss_fftri(fft->even, (const kiss_fft_cpx *)bins, samples);
        return;
    }
    fft->frequency[0] = (kiss_fft_cpx){bins[0], 0.0F};
    for (size_t k = 1; k <= fft->length / 2; k++) {
        fft->frequency[k] = (kiss_fft_cpx){bins[2 * k], bins[2 * k + 1]};
        fft->frequency[fft->length - k] = (kiss_fft_cpx){bins[2 * k], -bins[2 * k + 1]};
    }
    kiss_fft(fft->odd, fft->frequency, fft->time);
    for (size_t i = 0; i < fft->length; i++) {
        samples[i] = fft->time[i].r;
    }
}
