/* SPDX-License-Identifier: ISC */
/* Sizes that follow from a configuration, and the multiply-accumulates of a frame. */
#include "bsm/config.h"

size_t bsm_config_d_inner(const bsm_config *config)
{
    return config->expand * config->dim;
}

size_t bsm_config_heads(const bsm_config *config)
{
    return bsm_config_d_inner(config) / config->headdim;
}

size_t bsm_config_conv_dim(const bsm_config *config)
{
    return bsm_config_d_inner(config) + 2 * config->d_state;
}

size_t bsm_config_bins(const bsm_config *config)
{
    return config->n_fft / 2 + 1;
}

size_t bsm_config_features(const bsm_config *config)
{
    return 2 * config->channels * bsm_config_bins(config);
}

/* Operations per step of a scan in chunks of `chunk` steps: C B^T (once for all heads), the masked
 * product with x and, if there is more than one chunk, reading and updating the state. A masked
 * product counts in full, because it is computed in full. */
static double scan_macs(const bsm_config *config, double chunk, bool carries_state)
{
    double d_inner = (double)bsm_config_d_inner(config);
    double d_state = (double)config->d_state;
    return chunk * (d_state + d_inner) + (carries_state ? 2 * d_inner * d_state : 0);
}

static double mixer_macs(const bsm_config *config, double chunk, bool carries_state)
{
    double dim = (double)config->dim;
    double d_inner = (double)bsm_config_d_inner(config);
    double conv_dim = (double)bsm_config_conv_dim(config);
    double in_proj = dim * (d_inner + conv_dim + (double)bsm_config_heads(config));
    return in_proj + conv_dim * (double)config->d_conv + scan_macs(config, chunk, carries_state) +
           d_inner * dim;
}

bsm_macs bsm_config_macs(const bsm_config *config, size_t chunk)
{
    double dim = (double)config->dim;
    double bands = (double)config->num_bands;
    double features = (double)bsm_config_features(config);
    double hidden = dim * (double)config->mask_expansion;
    double merge = 2 * dim * dim, paths = (double)config->depth * bands;
    double mask = bands * dim * hidden + hidden * 2 * features;
    return (bsm_macs){
        .band_split = features * dim,
        .time_path = paths * (2 * mixer_macs(config, (double)chunk, true) + merge),
        .band_path = paths * (2 * mixer_macs(config, bands, false) + merge),
        .mask = (double)config->num_stems * mask,
    };
}

double bsm_config_macs_per_frame(const bsm_config *config, size_t chunk)
{
    const bsm_macs macs = bsm_config_macs(config, chunk);
    return macs.band_split + macs.time_path + macs.band_path + macs.mask;
}
