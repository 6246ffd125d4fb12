/* SPDX-License-Identifier: ISC */
/* The band split and the masks. */
#include <math.h>

#include "device/reference/modules.h"

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
