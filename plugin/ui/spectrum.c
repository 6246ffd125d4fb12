/* SPDX-License-Identifier: ISC */
/* Computes the spectrum of the mixture and the vocals' share of it. */
#include "face.h"

#include <complex.h>
#include <math.h>

enum { N = BSM_SCENE_WINDOW, FLOOR_DB = -90, CEILING_DB = -12 };

double bsm_spectrum_place(double frequency)
{
    return log(frequency / BSM_SPECTRUM_LOW) / log(BSM_SPECTRUM_HIGH / BSM_SPECTRUM_LOW);
}

/* ---- The Fourier transform ---- */

static void reorder(float complex *x)
{
    for (unsigned i = 1, j = 0; i < N; i++) {
        unsigned bit = N / 2;
        for (; j & bit; bit /= 2) {
            j ^= bit;
        }
        j ^= bit;
        if (i < j) {
            const float complex swap = x[i];
            x[i] = x[j];
            x[j] = swap;
        }
    }
}

/* Transform N numbers in place. */
static void transform(float complex *x)
{
    reorder(x);
    for (unsigned half = 1; half < N; half *= 2) {
        const float complex step = cexpf(-I * (float)M_PI / (float)half);
        float complex turn = 1;
        for (unsigned k = 0; k < half; k++, turn *= step) {
            for (unsigned i = k; i < N; i += 2 * half) {
                const float complex a = x[i], b = turn * x[i + half];
                x[i] = a + b;
                x[i + half] = a - b;
            }
        }
    }
}

/* Compute the powers of both signals with one transform, in which the mixture is the real part and
 * the vocals are the imaginary part. A sine of full scale has the power 1. */
static void powers(const bsm_scene *scene, float mixture[N / 2], float vocals[N / 2])
{
    float complex x[N];
    const float unit = 4.0F / (N * (float)BSM_SCENE_FULL);
    for (unsigned i = 0; i < N; i++) {
        const float window = unit * (0.5F - 0.5F * cosf(2 * (float)M_PI * (float)i / N));
        x[i] = window * ((float)scene->mixture[i] + I * (float)scene->vocals[i]);
    }
    transform(x);
    for (unsigned k = 0; k < N / 2; k++) {
        const float complex other = conjf(x[k ? N - k : 0]);
        const float complex m = (x[k] + other) / 2, v = (x[k] - other) / 2;
        mixture[k] = crealf(m * conjf(m));
        vocals[k] = crealf(v * conjf(v));
    }
}

/* ---- Bands ---- */

static double edge(unsigned band)
{
    return BSM_SPECTRUM_LOW *
           pow(BSM_SPECTRUM_HIGH / BSM_SPECTRUM_LOW, (double)band / BSM_SPECTRUM_BANDS);
}

/* The largest power in a band that reaches from bin `from` to bin `to`. Low bands may contain no
 * bin; then it is interpolated between two. */
static float power_in(const float power[N / 2], double from, double to)
{
    if (to >= N / 2 - 1) {
        return 0; /* the band reaches half of the sample rate */
    }
    const unsigned first = (unsigned)ceil(from), last = (unsigned)floor(to);
    if (first > last) {
        const double middle = (from + to) / 2;
        const float part = (float)(middle - floor(middle));
        const unsigned below = (unsigned)middle;
        return (1 - part) * power[below] + part * power[below + 1];
    }
    float most = 0;
    for (unsigned k = first; k <= last; k++) {
        most = fmaxf(most, power[k]);
    }
    return most;
}

static uint8_t byte(double part)
{
    return (uint8_t)lrint(255 * fmin(fmax(part, 0), 1));
}

void bsm_spectrum_add(bsm_spectrum *spectrum, const bsm_scene *scene)
{
    float mixture[N / 2], vocals[N / 2];
    bsm_spectrum_cell *column = spectrum->cells[spectrum->next];
    spectrum->next = (spectrum->next + 1) % BSM_SPECTRUM_COLUMNS;
    powers(scene, mixture, vocals);
    const double bin = (double)scene->rate / N;
    for (unsigned b = 0; b < BSM_SPECTRUM_BANDS; b++) {
        const double from = edge(b) / bin, to = edge(b + 1) / bin;
        const double m = (double)power_in(mixture, from, to);
        const double v = (double)power_in(vocals, from, to);
        column[b].level = byte((10 * log10(m + 1e-12) - FLOOR_DB) / (CEILING_DB - FLOOR_DB));
        column[b].vocals = byte(v / (m + 1e-12));
    }
}
