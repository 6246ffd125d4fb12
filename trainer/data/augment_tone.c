/* SPDX-License-Identifier: ISC */
/* Changes the tone of a source: equaliser and compression. */
#include <math.h>

#include "data/augment.h"

enum { NUM_FILTERS = 3 };

/** y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]. */
typedef struct biquad {
    double b0, b1, b2, a1, a2;
} biquad;

/* The cookbook's formulas; a low shelf is a high shelf with the opposite sign of the cosine. */
static biquad design(bsm_filter_kind kind, double omega, double q, double gain_db)
{
    const double a = pow(10, gain_db / 40), alpha = sin(omega) / (2 * q);
    const double cosine = cos(omega);
    double b0, b1, b2, a0, a1, a2;
    if (kind == BSM_FILTER_PEAK) {
        b0 = 1 + alpha * a;
        b1 = -2 * cosine;
        b2 = 1 - alpha * a;
        a0 = 1 + alpha / a;
        a1 = -2 * cosine;
        a2 = 1 - alpha / a;
    } else {
        const double sign = kind == BSM_FILTER_LOW_SHELF ? 1 : -1;
        const double c = sign * cosine, slope = 2 * sqrt(a) * alpha;
        b0 = a * ((a + 1) - (a - 1) * c + slope);
        b1 = sign * 2 * a * ((a - 1) - (a + 1) * c);
        b2 = a * ((a + 1) - (a - 1) * c - slope);
        a0 = (a + 1) + (a - 1) * c + slope;
        a1 = sign * -2 * ((a - 1) + (a + 1) * c);
        a2 = (a + 1) + (a - 1) * c - slope;
    }
    return (biquad){b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0};
}

void bsm_augment_filter(const bsm_piece *piece, bsm_filter_kind kind, double frequency, double q,
                        double gain_db)
{
    const biquad f = design(kind, 2 * M_PI * frequency / (double)piece->rate, q, gain_db);
    for (size_t c = 0; c < piece->channels; c++) {
        float *audio = piece->audio[c];
        double s1 = 0, s2 = 0; /* transposed direct form II */
        for (size_t i = 0; i < piece->samples; i++) {
            const double x = (double)audio[i], y = f.b0 * x + s1;
            s1 = f.b1 * x - f.a1 * y + s2;
            s2 = f.b2 * x - f.a2 * y;
            audio[i] = (float)y;
        }
    }
}

void bsm_augment_eq(const bsm_piece *piece, bsm_random *random)
{
    const double highest = fmin(12000, 0.4 * (double)piece->rate);
    for (size_t i = 0; i < NUM_FILTERS; i++) {
        const bsm_filter_kind kind = (bsm_filter_kind)bsm_random_below(random, 3);
        const double frequency = bsm_random_log(random, 60, highest);
        const double q = kind == BSM_FILTER_PEAK ? bsm_random_log(random, 0.5, 3) : M_SQRT1_2;
        bsm_augment_filter(piece, kind, frequency, q, bsm_random_between(random, -6, 6));
    }
}

/* ---- Compression ---- */

static double mean_square(const bsm_piece *piece)
{
    double sum = 0;
    for (size_t c = 0; c < piece->channels; c++) {
        for (size_t i = 0; i < piece->samples; i++) {
            sum += (double)piece->audio[c][i] * (double)piece->audio[c][i];
        }
    }
    return sum / (double)(piece->channels * piece->samples);
}

static void scale(const bsm_piece *piece, float gain)
{
    for (size_t c = 0; c < piece->channels; c++) {
        for (size_t i = 0; i < piece->samples; i++) {
            piece->audio[c][i] *= gain;
        }
    }
}

/* How far an average over `seconds` moves in one sample. */
static float step_of(double seconds, size_t rate)
{
    return (float)(1 - exp(-1 / (seconds * (double)rate)));
}

void bsm_augment_compress(const bsm_piece *piece, double threshold_db, double ratio, double attack,
                          double release)
{
    const double before = mean_square(piece);
    if (before <= 0) {
        return;
    }
    const float threshold = (float)(sqrt(before) * pow(10, threshold_db / 20));
    const float power = (float)(1 / ratio - 1);
    const float up = step_of(attack, piece->rate), down = step_of(release, piece->rate);
    float level = 0;
    for (size_t i = 0; i < piece->samples; i++) {
        float peak = 0;
        for (size_t c = 0; c < piece->channels; c++) {
            peak = fmaxf(peak, fabsf(piece->audio[c][i]));
        }
        level += (peak - level) * (peak > level ? up : down);
        const float gain = level > threshold ? powf(level / threshold, power) : 1.0F;
        for (size_t c = 0; c < piece->channels; c++) {
            piece->audio[c][i] *= gain;
        }
    }
    scale(piece, (float)sqrt(before / mean_square(piece)));
}

void bsm_augment_compression(const bsm_piece *piece, bsm_random *random)
{
    const double threshold = bsm_random_between(random, -6, 6);
    const double ratio = bsm_random_log(random, 1.5, 8);
    const double attack = bsm_random_log(random, 0.002, 0.03);
    bsm_augment_compress(piece, threshold, ratio, attack, bsm_random_log(random, 0.04, 0.4));
}
