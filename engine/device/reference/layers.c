/* SPDX-License-Identifier: ISC */
/* Linear layers, norms, the band split and the masks. */
#include <math.h>

#include "device/reference/modules.h"

/* ---- Linear layers and norms ---- */

void bsm_reference_linear(size_t in, size_t out, const float *x, const bsm_linear *linear, float *y)
{
    for (size_t o = 0; o < out; o++) {
        const float *w = linear->weight + o * in;
        double sum = linear->bias ? (double)linear->bias[o] : 0.0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < in; i++) {
            sum += (double)w[i] * (double)x[i];
        }
        y[o] = (float)sum;
    }
}

static double sum_of_squares(size_t n, const float *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum;
}

static void scale(size_t n, const float *x, double factor, const float *weight, float *y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)((double)x[i] * factor * (double)weight[i]);
    }
}

void bsm_reference_rms_norm(size_t n, const float *x, const float *weight, float *y)
{
    scale(n, x, 1 / sqrt(sum_of_squares(n, x) / (double)n + 1e-5), weight, y);
}

void bsm_reference_l2_norm(size_t n, const float *x, const float *gamma, float *y)
{
    scale(n, x, sqrt((double)n) / fmax(sqrt(sum_of_squares(n, x)), 1e-12), gamma, y);
}

void bsm_reference_merge(size_t dim, const bsm_path_weights *weights, const float *forward,
                         const float *backward, const float *x, float *y)
{
    const float *upper = weights->merge_weight, *lower = upper + dim * dim;
    for (size_t o = 0; o < dim; o++) {
        double sum = (double)weights->merge_bias[o] + (double)x[o];
        for (size_t i = 0; i < dim; i++) {
            sum += (double)(forward[i] + x[i]) * (double)upper[i * dim + o];
            sum += (double)(backward[i] + x[i]) * (double)lower[i * dim + o];
        }
        y[o] = (float)sum;
    }
}

/* ---- The band split and the masks ---- */

size_t bsm_reference_band_features(const bsm_config *config, size_t band)
{
    return 2 * config->channels * config->bands[band];
}

size_t bsm_reference_widest_band(const bsm_config *config)
{
    size_t widest = 0;
    for (size_t k = 1; k < config->num_bands; k++) {
        widest = config->bands[k] > config->bands[widest] ? k : widest;
    }
    return widest;
}

void bsm_reference_split_band(size_t dim, size_t features, const bsm_band_weights *weights,
                              const float *spectrum, float *normed, float *x)
{
    bsm_reference_l2_norm(features, spectrum, weights->gamma, normed);
    bsm_reference_linear(features, dim, normed, &weights->linear, x);
}

bsm_reference_mask bsm_reference_mask_of(const bsm_weights *weights, size_t stem, size_t band)
{
    const bsm_config *config = &weights->config;
    return (bsm_reference_mask){.dim = config->dim,
                                .hidden = config->mask_expansion * config->dim,
                                .features = bsm_reference_band_features(config, band),
                                .final_norm = weights->final_norm,
                                .weights = &weights->masks[stem * config->num_bands + band]};
}

void bsm_reference_mask_frame(const bsm_reference_mask *mask, const float *x, const float *mixture,
                              const bsm_reference_mask_values *v, float *masked)
{
    bsm_reference_l2_norm(mask->dim, x, mask->final_norm, v->normed);
    bsm_reference_linear(mask->dim, mask->hidden, v->normed, &mask->weights->hidden, v->hidden);
    for (size_t i = 0; i < mask->hidden; i++) {
        v->hidden[i] = (float)tanh((double)v->hidden[i]);
    }
    bsm_reference_linear(mask->hidden, 2 * mask->features, v->hidden, &mask->weights->out,
                         v->values);
    for (size_t i = 0; i < mask->features; i += 2) {
        const float *value = v->values + i, *gate = value + mask->features;
        double re = (double)value[0] * bsm_reference_sigmoid((double)gate[0]);
        double im = (double)value[1] * bsm_reference_sigmoid((double)gate[1]);
        double a = (double)mixture[i], b = (double)mixture[i + 1];
        masked[i] = (float)(a * re - b * im);
        masked[i + 1] = (float)(a * im + b * re);
    }
}
