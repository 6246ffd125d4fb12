/* SPDX-License-Identifier: ISC */
/** A small network for tests whose sizes are all different. */
#ifndef BSM_TESTS_ODD_CONFIG_H
#define BSM_TESTS_ODD_CONFIG_H

#include "bsm/config.h"

/** `headdim` must divide 3 dim. */
static inline bsm_config odd_config(size_t dim, size_t headdim)
{
    return (bsm_config){.dim = dim,
                        .depth = 2,
                        .expand = 3,
                        .headdim = headdim,
                        .d_state = 7,
                        .d_conv = 4,
                        .mask_expansion = 2,
                        .num_bands = 5,
                        .bands = {1, 2, 3, 10, 17},
                        .n_fft = 64,
                        .hop = 20,
                        .sample_rate = 8000,
                        .channels = 2,
                        .num_stems = 1,
                        .stems = {"vocals"},
                        .segment = 1};
}

#endif
