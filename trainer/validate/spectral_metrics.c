/* SPDX-License-Identifier: ISC */
/* Computes errors by kind of bin, and centre extraction. */
#include "validate/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/stft.h"
#include "signal/frames.h"
#include "signal/signal.h"

enum { N_FFT = 4096, HOP = 1024, BINS = N_FFT / 2 + 1, STEREO = 2 };
enum { MIXTURE, TARGET, ESTIMATE, SIGNALS };

static const double dominance = 10; /* ratio of energies: 10 dB */
static const double lowest_voice = 200, highest_voice = 12000;

struct bsm_spectral_metrics {
    size_t rate, channels;
    uint64_t samples; /* samples added */
    uint64_t frames;  /* frames transformed */
    bsm_stft *stft;
    bsm_stft *centre_stft; /* overlap-add of the centre, for one channel; NULL unless stereo */
    bsm_overlap_add *overlap_add; /* likewise */
    float **window;               /* [signal][channel][N_FFT]: a frame's samples ... */
    size_t filled;                /* ... as far as they have arrived */
    float *spectra;               /* [signal][bin][channel][re, im] */
    float *centre_spectrum;       /* [bin][re, im] */
    float centre[HOP];
    double target, missed, let_through, mixed; /* energies of bins */
    double centre_target, centre_error;        /* energies of samples */
};

static bsm_status allocate(bsm_spectral_metrics *m, bsm_error *error)
{
    bsm_status status = bsm_stft_new(N_FFT, HOP, m->channels, &m->stft, error);
    if (!status && m->channels == STEREO) {
        status = bsm_stft_new(N_FFT, HOP, 1, &m->centre_stft, error);
    }
    if (!status && m->channels == STEREO) {
        status = bsm_overlap_add_new(N_FFT, HOP, 1, 1, 0, &m->overlap_add, error);
    }
    if (status) {
        return status;
    }
    m->window = bsm_planes_new(SIGNALS * m->channels, N_FFT);
    m->spectra = calloc(SIGNALS * BINS * m->channels, 2 * sizeof *m->spectra);
    m->centre_spectrum = calloc(BINS, 2 * sizeof *m->centre_spectrum);
    return m->window && m->spectra && m->centre_spectrum
               ? BSM_OK
               : bsm_fail(error, BSM_NO_MEMORY, "metrics: out of memory");
}

bsm_status bsm_spectral_metrics_new(size_t rate, size_t channels, bsm_spectral_metrics **metrics,
                                    bsm_error *error)
{
    bsm_spectral_metrics *made = calloc(1, sizeof *made);
    *metrics = NULL;
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "metrics: out of memory");
    }
    made->rate = rate;
    made->channels = channels;
    made->filled = N_FFT / 2; /* the first half of the first frame lies before the track */
    const bsm_status status = allocate(made, error);
    if (status) {
        bsm_spectral_metrics_free(made);
        return status;
    }
    *metrics = made;
    return BSM_OK;
}

void bsm_spectral_metrics_free(bsm_spectral_metrics *m)
{
    if (m) {
        bsm_stft_free(m->stft);
        bsm_stft_free(m->centre_stft);
        bsm_overlap_add_free(m->overlap_add);
        free(m->window);
        free(m->spectra);
        free(m->centre_spectrum);
        free(m);
    }
}

/* ---- A frame ---- */

static const float *spectrum_of(const bsm_spectral_metrics *m, size_t signal)
{
    return m->spectra + signal * BINS * m->channels * 2;
}

static void add_errors(bsm_spectral_metrics *m)
{
    const float *mixture = spectrum_of(m, MIXTURE), *target = spectrum_of(m, TARGET);
    const float *estimate = spectrum_of(m, ESTIMATE);
    const size_t values = 2 * m->channels; /* of one bin */
    for (size_t first = 0; first < BINS * values; first += values) {
        double voice = 0, rest = 0, wrong = 0;
        for (size_t i = first; i < first + values; i++) {
            const double v = (double)target[i], r = (double)mixture[i] - v;
            const double w = v - (double)estimate[i];
            voice += v * v;
            rest += r * r;
            wrong += w * w;
        }
        m->target += voice;
        m->missed += voice > dominance * rest ? wrong : 0;
        m->let_through += rest > dominance * voice ? wrong : 0;
        m->mixed += voice > dominance * rest || rest > dominance * voice ? 0 : wrong;
    }
}

static void extract_centre(bsm_spectral_metrics *m)
{
    const float *mixture = spectrum_of(m, MIXTURE);
    for (size_t bin = 0; bin < BINS; bin++) {
        const double frequency = (double)bin * (double)m->rate / N_FFT;
        const float *left = mixture + 4 * bin, *right = left + 2;
        const float middle[] = {(left[0] + right[0]) / 2, (left[1] + right[1]) / 2};
        const float m_size = hypotf(middle[0], middle[1]);
        const float s_size = hypotf(left[0] - right[0], left[1] - right[1]) / 2;
        const bool sounds =
            frequency >= lowest_voice && frequency <= highest_voice && s_size < m_size;
        const float gain = sounds ? 1 - s_size / m_size : 0;
        m->centre_spectrum[2 * bin] = gain * middle[0];
        m->centre_spectrum[2 * bin + 1] = gain * middle[1];
    }
}

/* The samples that the frame completes are the first ones of its window; those of the first frames
 * lie before the track. */
static void add_centre(bsm_spectral_metrics *m)
{
    float *out[] = {m->centre};
    extract_centre(m);
    bsm_stft_synthesise(m->centre_stft, m->centre_spectrum, bsm_overlap_add_sums(m->overlap_add));
    bsm_overlap_add_take(m->overlap_add, 1, out);
    const int64_t before = N_FFT / 2 - (int64_t)(m->frames * HOP);
    const int64_t left = (int64_t)m->samples + before;
    for (int64_t i = before > 0 ? before : 0; i < HOP && i < left; i++) {
        for (size_t c = 0; c < STEREO; c++) {
            const double target = (double)m->window[TARGET * STEREO + c][i];
            const double wrong = target - (double)m->centre[i];
            m->centre_target += target * target;
            m->centre_error += wrong * wrong;
        }
    }
}

static void end_frame(bsm_spectral_metrics *m)
{
    for (size_t s = 0; s < SIGNALS; s++) {
        bsm_stft_analyse(m->stft, (const float *const *)m->window + s * m->channels,
                         m->spectra + s * BINS * m->channels * 2);
    }
    add_errors(m);
    if (m->overlap_add) {
        add_centre(m);
    }
    for (size_t p = 0; p < SIGNALS * m->channels; p++) {
        memmove(m->window[p], m->window[p] + HOP, (N_FFT - HOP) * sizeof(float));
    }
    m->filled -= HOP;
    m->frames++;
}

/* ---- The track ---- */

/* Without samples this adds silence. */
static void fill(bsm_spectral_metrics *m, size_t signal, const float *const *samples, size_t at,
                 size_t count)
{
    for (size_t c = 0; c < m->channels; c++) {
        float *to = m->window[signal * m->channels + c] + m->filled;
        if (samples) {
            memcpy(to, samples[c] + at, count * sizeof(float));
        } else {
            memset(to, 0, count * sizeof(float));
        }
    }
}

static void add(bsm_spectral_metrics *m, const float *const *const signals[SIGNALS], size_t samples)
{
    for (size_t done = 0; done < samples;) {
        const size_t room = N_FFT - m->filled, left = samples - done;
        const size_t count = left < room ? left : room;
        for (size_t s = 0; s < SIGNALS; s++) {
            fill(m, s, signals[s], done, count);
        }
        m->filled += count;
        done += count;
        if (m->filled == N_FFT) {
            end_frame(m);
        }
    }
}

void bsm_spectral_metrics_add(bsm_spectral_metrics *m, const float *const *mixture,
                              const float *const *target, const float *const *estimate,
                              size_t samples)
{
    const float *const *const signals[SIGNALS] = {mixture, target, estimate};
    m->samples += samples;
    add(m, signals, samples);
}

/* 0 / 0 is not a ratio. */
static double decibels(double energy, double reference)
{
    return reference > 0 ? 10 * log10(energy / reference) : NAN;
}

bsm_spectral_errors bsm_spectral_metrics_finish(bsm_spectral_metrics *m)
{
    const float *const *const silence[SIGNALS] = {NULL};
    while (m->frames * HOP < m->samples + N_FFT / 2) { /* until the last sample has come out */
        add(m, silence, HOP);
    }
    return (bsm_spectral_errors){
        .centre_usdr = m->overlap_add ? -decibels(m->centre_error, m->centre_target) : NAN,
        .missed = decibels(m->missed, m->target),
        .let_through = decibels(m->let_through, m->target),
        .mixed = decibels(m->mixed, m->target),
    };
}
