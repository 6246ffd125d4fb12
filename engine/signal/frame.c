/* SPDX-License-Identifier: ISC */
/* The window, the sum of its squares, and the reflection at a signal's edges. */
#include "signal/frames.h"

#include <math.h>
#include <stdlib.h>

/* The limit is far above any use; it keeps every product of sizes within 32 bits. */
enum { MAX_CHANNELS = 64, MAX_N_FFT = 1 << 24 };

/* Below this sum of squares a sample counts as covered by no window. */
static const double no_window = 1e-11;

bsm_status bsm_frame_check(size_t n_fft, size_t hop, size_t channels, bsm_error *error)
{
    if (n_fft < 2 || n_fft > MAX_N_FFT) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "STFT: n_fft is %zu, not 2 to %d", n_fft,
                        MAX_N_FFT);
    }
    if (hop < 1 || hop > n_fft) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "STFT: hop is %zu, not 1 to n_fft (%zu)", hop,
                        n_fft);
    }
    if (channels < 1 || channels > MAX_CHANNELS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "STFT: %zu channels, not 1 to %d", channels,
                        MAX_CHANNELS);
    }
    return BSM_OK;
}

static double squared(double x)
{
    return x * x;
}

static double hann(size_t i, size_t n_fft)
{
    return squared(sin(M_PI * (double)i / (double)n_fft));
}

float *bsm_frame_window(size_t n_fft)
{
    float *window = malloc(n_fft * sizeof *window);
    for (size_t i = 0; window && i < n_fft; i++) {
        window[i] = (float)hann(i, n_fft);
    }
    return window;
}

void bsm_frame_add_norms(const float *window, size_t n_fft, size_t hop, size_t frames,
                         double *norms)
{
    for (size_t f = 0; f < frames; f++, norms += hop) {
        for (size_t i = 0; i < n_fft; i++) {
            norms[i] += squared(window[i]);
        }
    }
}

double bsm_frame_least_norm(size_t n_fft, size_t hop)
{
    double least = 0.05;
    for (size_t phase = 0; phase < hop; phase++) {
        /* sums in the order in which frames arrive, so that the result has the same bits as
         * theirs */
        double norm = 0;
        for (size_t frames = (n_fft - 1 - phase) / hop + 1; frames > 0; frames--) {
            norm += squared((float)hann(phase + (frames - 1) * hop, n_fft));
        }
        least = norm < least ? norm : least;
    }
    return least;
}

void bsm_frame_normalise(const float *sums, const double *norms, double least, size_t count,
                         float *audio)
{
    for (size_t i = 0; i < count; i++) {
        const double norm = norms[i] < least ? least : norms[i];
        audio[i] = norms[i] < no_window ? 0.0F : (float)((double)sums[i] / norm);
    }
}

size_t bsm_frame_reflect(ptrdiff_t position, size_t samples)
{
    if (samples == 1) {
        return 0;
    }
    ptrdiff_t period = 2 * ((ptrdiff_t)samples - 1);
    ptrdiff_t phase = position % period;
    if (phase < 0) {
        phase += period;
    }
    return (size_t)(phase < (ptrdiff_t)samples ? phase : period - phase);
}
