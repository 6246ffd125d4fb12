/* SPDX-License-Identifier: ISC */
/* What the tests of training share. */
#include "training_support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/training.h"

#include "noise.h"

enum { SMALL_SAMPLES = 200 };

bsm_config small_config(void)
{
    bsm_config config;
    assert_int_equal(bsm_config_preset("tiny", &config, NULL), BSM_OK);
    config.dim = 6;
    config.expand = 2;
    config.headdim = 4;
    config.d_state = 5;
    config.d_conv = 3;
    config.mask_expansion = 3;
    config.channels = 1;
    config.n_fft = 32;
    config.hop = 9;
    config.num_bands = 3;
    config.bands[0] = 2;
    config.bands[1] = 4;
    config.bands[2] = 11;
    config.num_stems = 2;
    strcpy(config.stems[0], "vocals");
    strcpy(config.stems[1], "other");
    return config;
}

bsm_training_options small_options(bsm_device_kind device)
{
    return (bsm_training_options){
        .device = device,
        .threads = 2,
        .samples = SMALL_SAMPLES,
        .loss = {.lambda_time = 2, .num_windows = 2, .windows = {40, 7}, .hop = 5}};
}

bsm_status add_random(bsm_training *training, uint64_t seed, double scale, bsm_loss *loss,
                      bsm_error *error)
{
    float signals[3][SMALL_SAMPLES];
    noise_fill(&seed, signals[0], sizeof signals / sizeof(float));
    const float *mixture[] = {signals[0]}, *first[] = {signals[1]}, *second[] = {signals[2]};
    const float *const *stems[] = {first, second};
    const bsm_training_item item = {
        .mixture = mixture, .stems = stems, .scale = scale, .dropout_key = seed};
    return bsm_training_add(training, &item, loss, error);
}

bsm_training *training_of(const bsm_config *config, const bsm_training_options *options)
{
    const bsm_device *device = NULL;
    assert_int_equal(bsm_device_find(options->device, &device, NULL), BSM_OK);
    return training_on(device, config, options);
}

bsm_training *training_on(const bsm_device *device, const bsm_config *config,
                          const bsm_training_options *options)
{
    bsm_model *model = NULL;
    bsm_training *training = NULL;
    bsm_error error = {0};
    assert_int_equal(bsm_model_new_untrained(config, &model, NULL), BSM_OK);
    if (bsm_training_new_on(device, model, options, &training, &error)) {
        fail_msg("%s", error.message);
    }
    bsm_model_free(model);
    return training;
}

float *read_vector(bsm_training *training, bsm_training_vector vector)
{
    float *values = malloc(bsm_training_vector_size(training) * sizeof *values);
    assert_int_equal(bsm_training_read(training, vector, values, NULL), BSM_OK);
    return values;
}
