/* SPDX-License-Identifier: ISC */
#include "device/small_network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/weight_vector.h"
#include "noise.h"

bsm_config small_network_config(size_t heads, size_t d_state, size_t d_conv, size_t channels)
{
    bsm_config config;
    bsm_error error = {0};
    assert_int_equal(bsm_config_preset("tiny", &config, &error), BSM_OK);
    config.dim = 5;
    config.expand = 2 * heads;
    config.headdim = 10;
    config.depth = 1;
    config.d_state = d_state;
    config.d_conv = d_conv;
    config.mask_expansion = 3;
    config.channels = channels;
    config.n_fft = 16;
    config.hop = 5;
    config.num_bands = 3;
    memcpy(config.bands, (size_t[]){1, 3, 5}, 3 * sizeof *config.bands);
    config.num_stems = 2;
    snprintf(config.stems[1], sizeof config.stems[1], "other");
    assert_int_equal(bsm_config_validate(&config, &error), BSM_OK);
    return config;
}

/* Replace the weights of the scan by noise. In an untrained model, B, C and dt are so small that
 * the scan's gradients cannot be measured. */
static void quicken(const bsm_model *model, float *vector)
{
    uint64_t seed = 99;
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        if (strstr(tensor->name, "dt_bias") || strstr(tensor->name, "A_log") ||
            strstr(tensor->name, "conv1d") || strstr(tensor->name, "in_proj")) {
            noise_fill(&seed, vector + ((const float *)tensor->data - vector), tensor->count);
        }
    }
}

bsm_model *small_network_model(const bsm_config *config, float **vector)
{
    bsm_error error = {0};
    bsm_model *untrained, *model;
    assert_int_equal(bsm_model_new_untrained(config, &untrained, &error), BSM_OK);
    assert_int_equal(bsm_vector_model_new(config, "test", "test", &model, vector, &error), BSM_OK);
    bsm_vector_read(untrained, *vector);
    bsm_model_free(untrained);
    quicken(model, *vector);
    return model;
}
