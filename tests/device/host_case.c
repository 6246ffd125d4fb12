/* SPDX-License-Identifier: ISC */
#include "host_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/weight_vector.h"
#include "noise.h"

bsm_config tiny(void)
{
    bsm_config config;
    assert_int_equal(bsm_config_preset("tiny", &config, NULL), BSM_OK);
    return config;
}

bsm_training_options options(size_t threads)
{
    return (bsm_training_options){
        .threads = threads, .samples = SAMPLES, .loss = bsm_loss_published()};
}

bsm_host *host_with(const bsm_config *config, const bsm_training_options *with)
{
    bsm_model *model = NULL;
    size_t size;
    bsm_host *host = malloc(sizeof *host);
    assert_int_equal(bsm_model_new_untrained(config, &model, NULL), BSM_OK);
    assert_int_equal(bsm_vector_size(config, &size, NULL), BSM_OK);
    float *parameters = malloc(size * sizeof *parameters);
    bsm_vector_read(model, parameters);
    assert_int_equal(bsm_host_init(host, config, with, parameters, NULL), BSM_OK);
    assert_int_equal(host->size, size);
    assert_memory_equal(host->vectors[BSM_AVERAGES], parameters, size * sizeof *parameters);
    free(parameters);
    bsm_model_free(model);
    return host;
}

void host_free(bsm_host *host)
{
    bsm_host_clear(host);
    free(host);
}

size_t spectrum_floats(const bsm_host *host)
{
    return host->frames * bsm_config_features(&host->config);
}

void load(bsm_host *host, const float *mixture, const float *target)
{
    static const float *mixtures[CHANNELS], *targets[CHANNELS], *const *stems[BSM_MAX_STEMS];
    static bsm_training_item item; /* static, because the loss reads it later */
    for (size_t c = 0; c < CHANNELS; c++) {
        mixtures[c] = mixture + c * SAMPLES;
        targets[c] = target + c * SAMPLES;
    }
    for (size_t stem = 0; stem < BSM_MAX_STEMS; stem++) {
        stems[stem] = targets;
    }
    item = (bsm_training_item){.mixture = mixtures, .stems = stems, .scale = 1};
    assert_int_equal(bsm_host_load(host, &item, NULL), BSM_OK);
}

bsm_loss loss_of(bsm_host *host, double scale)
{
    bsm_loss loss;
    assert_int_equal(bsm_host_loss(host, 0, scale, &loss, NULL), BSM_OK);
    return loss;
}

void assert_near(double actual, double expected, double relative)
{
    if (!(fabs(actual - expected) <= relative * fabs(expected))) {
        fail_msg("%.9g instead of %.9g", actual, expected);
    }
}

double dot(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

bsm_host *random_host(const bsm_training_options *with, float level, size_t silent)
{
    static float mixture[CHANNELS * SAMPLES], target[CHANNELS * SAMPLES];
    const bsm_config config = tiny();
    bsm_host *host = host_with(&config, with);
    uint64_t seed = 5;
    for (size_t i = 0; i < (size_t)CHANNELS * SAMPLES; i++) {
        mixture[i] = noise_float(&seed);
        target[i] = i % SAMPLES < silent ? 0 : level * mixture[i];
    }
    load(host, mixture, target);
    noise_fill(&seed, host->masked, spectrum_floats(host));
    return host;
}
