/* SPDX-License-Identifier: ISC */
/* Levels and sums of the sources of an example. */
#include "data/mix_level.h"

#include <math.h>
#include <string.h>

static const double max_gain = 20;        /* dB, of the target over its own loudness factor */
static const double least_energy = 1e-10; /* mean square: below, at -100 dB, is silence */

/* Mean squares of the sum of the targets and of the sum of the others. */
static void measure(const bsm_mix_source *sources, size_t count, size_t channels, size_t samples,
                    double *target, double *others)
{
    *target = *others = 0;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < samples; i++) {
            double sum[2] = {0, 0};
            for (size_t s = 0; s < count; s++) {
                sum[sources[s].target] += sources[s].gain * (double)sources[s].audio[c][i];
            }
            *target += sum[true] * sum[true];
            *others += sum[false] * sum[false];
        }
    }
    *target /= (double)(channels * samples);
    *others /= (double)(channels * samples);
}

void bsm_mix_set_level(bsm_mix_source *sources, size_t count, size_t channels, size_t samples,
                       double level)
{
    double target, others;
    measure(sources, count, channels, samples, &target, &others);
    if (target < least_energy || others < least_energy) {
        return;
    }
    const double change = fmin(level - 10 * log10(target / others), max_gain);
    for (size_t s = 0; s < count; s++) {
        if (sources[s].target) {
            sources[s].gain *= pow(10, change / 20);
        }
    }
}

static void scale(const bsm_mix_source *source, size_t channels, size_t samples, float gain)
{
    for (size_t c = 0; c < channels && !source->silent; c++) {
        for (size_t i = 0; i < samples; i++) {
            source->audio[c][i] *= gain;
        }
    }
}

/* Returns the peak. */
static float add_up(const bsm_mix_source *sources, size_t count, size_t channels, size_t samples,
                    float *const *mixture)
{
    float peak = 0;
    for (size_t c = 0; c < channels; c++) {
        memset(mixture[c], 0, samples * sizeof(float));
        for (size_t s = 0; s < count; s++) {
            for (size_t i = 0; i < samples && !sources[s].silent; i++) {
                mixture[c][i] += sources[s].audio[c][i];
            }
        }
        for (size_t i = 0; i < samples; i++) {
            peak = fmaxf(peak, fabsf(mixture[c][i]));
        }
    }
    return peak;
}

void bsm_mix_sum(const bsm_mix_source *sources, size_t count, size_t channels, size_t samples,
                 float *const *mixture)
{
    for (size_t s = 0; s < count; s++) {
        scale(&sources[s], channels, samples, (float)sources[s].gain);
    }
    const float peak = add_up(sources, count, channels, samples, mixture);
    if (peak > 1) {
        for (size_t s = 0; s < count; s++) {
            scale(&sources[s], channels, samples, 1 / peak);
        }
        add_up(sources, count, channels, samples, mixture);
    }
}
