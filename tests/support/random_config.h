/* SPDX-License-Identifier: ISC */
/** Random networks for tests, small and with odd sizes, which are the same in every run and on
 *  every machine. */
#ifndef BSM_TESTS_RANDOM_CONFIG_H
#define BSM_TESTS_RANDOM_CONFIG_H

#include <stdio.h>

#include "bsm/config.h"
#include "noise.h"

/** The largest sizes; the remaining ones are at most a few. */
typedef struct random_limits {
    size_t d_state, mask_expansion, heads;
    size_t head_low, head_high; /**< features of x per head: dim / heads */
} random_limits;

/** Return everything but the bands and what depends on them. */
static inline bsm_config random_layers(uint64_t *seed, const random_limits *limits)
{
    bsm_config c = {.sample_rate = 8000, .segment = 1};
    c.depth = noise_size(seed, 1, 2);
    c.expand = noise_size(seed, 1, 3);
    c.d_state = noise_size(seed, 1, limits->d_state);
    c.d_conv = noise_size(seed, 1, 5);
    c.mask_expansion = noise_size(seed, 1, limits->mask_expansion);
    c.channels = noise_size(seed, 1, 2);
    c.num_stems = noise_size(seed, 1, 3);
    size_t heads = noise_size(seed, 1, limits->heads);
    size_t head = noise_size(seed, limits->head_low, limits->head_high);
    c.headdim = c.expand * head;
    c.dim = heads * head;
    for (size_t s = 0; s < c.num_stems; s++) {
        snprintf(c.stems[s], sizeof c.stems[s], "stem%zu", s);
    }
    return c;
}

/** Set a transform that fits the bands, which have at least two bins together. */
static inline void set_transform(bsm_config *config)
{
    size_t bins = 0;
    for (size_t k = 0; k < config->num_bands; k++) {
        bins += config->bands[k];
    }
    config->n_fft = 2 * (bins - 1);
    config->hop = 1 + config->n_fft / 4;
}

#endif
