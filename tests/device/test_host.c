/* SPDX-License-Identifier: ISC */
/* Tests what devices on host memory share when they train, except for the loss: the optimiser
 * against its formula, and bit-identical results on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host_case.h"
#include "noise.h"

static const bsm_adamw published = {.learning_rate = 5e-4,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .epsilon = 1e-8,
                                    .weight_decay = 0.01,
                                    .gradient_scale = 1,
                                    .ema = 0.999};

/* Compute AdamW and the average by their definitions, in double. */
static void plain_step(const bsm_adamw *step, double *x, double gradient)
{
    double g = gradient * step->gradient_scale, n = (double)step->step;
    x[BSM_PARAMETERS] *= 1 - step->learning_rate * step->weight_decay;
    x[BSM_FIRST_MOMENTS] = step->beta1 * x[BSM_FIRST_MOMENTS] + (1 - step->beta1) * g;
    x[BSM_SECOND_MOMENTS] = step->beta2 * x[BSM_SECOND_MOMENTS] + (1 - step->beta2) * g * g;
    double first = x[BSM_FIRST_MOMENTS] / (1 - pow(step->beta1, n));
    double second = x[BSM_SECOND_MOMENTS] / (1 - pow(step->beta2, n));
    x[BSM_PARAMETERS] -= step->learning_rate * first / (sqrt(second) + step->epsilon);
    x[BSM_AVERAGES] = step->ema * x[BSM_AVERAGES] + (1 - step->ema) * x[BSM_PARAMETERS];
}

static void test_adamw(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    const bsm_training_options with = options(3);
    bsm_host *host = host_with(&config, &with);
    const size_t size = host->size;
    double(*x)[BSM_NUM_TRAINING_VECTORS] = calloc(size, sizeof *x);
    for (size_t i = 0; i < size; i++) {
        x[i][BSM_PARAMETERS] = x[i][BSM_AVERAGES] = (double)host->vectors[BSM_PARAMETERS][i];
    }
    bsm_adamw step = published;
    uint64_t seed = 3;
    for (step.step = 1; step.step <= 4; step.step++) {
        step.gradient_scale = 1 / (double)step.step;
        for (size_t i = 0; i < size; i++) {
            float gradient = i % 5 ? 1e-3F * noise_float(&seed) : 0;
            host->vectors[BSM_GRADIENTS][i] = gradient;
            plain_step(&step, x[i], (double)gradient);
        }
        assert_int_equal(bsm_host_update(host, &step, NULL), BSM_OK);
    }
    const int vectors[] = {BSM_PARAMETERS, BSM_AVERAGES, BSM_FIRST_MOMENTS, BSM_SECOND_MOMENTS};
    const double tolerance[] = {1e-6, 1e-6, 1e-9, 1e-12};
    for (size_t i = 0; i < size; i++) {
        assert_true(host->vectors[BSM_GRADIENTS][i] == 0);
        for (size_t v = 0; v < 4; v++) {
            double error = fabs((double)host->vectors[vectors[v]][i] - x[i][vectors[v]]);
            if (!(error <= tolerance[v] * fmax(1, fabs(x[i][vectors[v]])))) {
                fail_msg("vector %d: %g instead of %g", vectors[v],
                         (double)host->vectors[vectors[v]][i], x[i][vectors[v]]);
            }
        }
    }
    free(x);
    host_free(host);
}

static void test_norm(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    const bsm_training_options with = options(2);
    bsm_host *host = host_with(&config, &with);
    float *gradients = host->vectors[BSM_GRADIENTS];
    uint64_t seed = 9;
    double norm;
    assert_int_equal(bsm_host_norm(host, &norm, NULL), BSM_OK);
    assert_true(norm == 0);
    noise_fill(&seed, gradients, host->size);
    assert_int_equal(bsm_host_norm(host, &norm, NULL), BSM_OK);
    assert_near(norm, sqrt(dot(gradients, gradients, host->size)), 1e-12);
    gradients[host->size - 1] = 1e30F; /* its square exceeds float32 */
    assert_int_equal(bsm_host_norm(host, &norm, NULL), BSM_OK);
    assert_near(norm, 1e30, 1e-6);
    gradients[0] = NAN;
    assert_int_equal(bsm_host_norm(host, &norm, NULL), BSM_OK);
    assert_true(isnan(norm));
    host_free(host);
}

/* What is written can be read back. */
static void test_read_write(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    const bsm_training_options with = options(1);
    bsm_host *host = host_with(&config, &with);
    float *written = malloc(host->size * sizeof *written),
          *read = malloc(host->size * sizeof *read);
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        uint64_t seed = (uint64_t)v;
        noise_fill(&seed, written, host->size);
        assert_int_equal(bsm_host_write(host, (bsm_training_vector)v, written, NULL), BSM_OK);
    }
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        uint64_t seed = (uint64_t)v;
        noise_fill(&seed, written, host->size);
        assert_int_equal(bsm_host_read(host, (bsm_training_vector)v, read, NULL), BSM_OK);
        assert_memory_equal(read, written, host->size * sizeof *read);
    }
    /* The devices compute with the vector's weights. */
    const float *first = host->weights->time[0].forward.norm;
    assert_ptr_equal(first, host->vectors[BSM_PARAMETERS]);
    assert_ptr_equal(bsm_host_gradient(host, first + 3), host->vectors[BSM_GRADIENTS] + 3);
    free(written);
    free(read);
    host_free(host);
}

/* ---- The same bits ---- */

static void test_same_bits(void **state)
{
    (void)state;
    bsm_host *hosts[3];
    bsm_loss losses[3];
    double norms[3];
    for (size_t i = 0; i < 3; i++) {
        const bsm_training_options with = options(1 + i);
        hosts[i] = random_host(&with, 0.01F, SAMPLES / 2);
        bsm_adamw step = published;
        step.step = 1;
        uint64_t seed = 1;
        noise_fill(&seed, hosts[i]->vectors[BSM_GRADIENTS], hosts[i]->size);
        losses[i] = loss_of(hosts[i], 1);
        assert_int_equal(bsm_host_norm(hosts[i], &norms[i], NULL), BSM_OK);
        assert_int_equal(bsm_host_update(hosts[i], &step, NULL), BSM_OK);
    }
    for (size_t i = 1; i < 3; i++) {
        assert_memory_equal(&losses[i], &losses[0], sizeof *losses);
        assert_memory_equal(&norms[i], &norms[0], sizeof *norms);
        assert_memory_equal(hosts[i]->masked_gradient, hosts[0]->masked_gradient,
                            spectrum_floats(hosts[0]) * sizeof(float));
        assert_memory_equal(hosts[i]->vectors[BSM_AVERAGES], hosts[0]->vectors[BSM_AVERAGES],
                            hosts[0]->size * sizeof(float));
    }
    for (size_t i = 0; i < 3; i++) {
        host_free(hosts[i]);
    }
}

/* Every mixer has a key of its own, and the rate of dropout is as requested. */
static void test_dropout(void **state)
{
    (void)state;
    uint64_t keys[3 * 2 * 2 * 2];
    size_t count = 0;
    for (uint64_t item = 1; item <= 2; item++) {
        for (size_t i = 0; i < 12; i++) {
            bsm_axis axis = i & 1 ? BSM_ALONG_BANDS : BSM_ALONG_TIME;
            keys[count++] = bsm_dropout_key(item, i / 4, axis, i & 2);
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(keys[i], keys[j]);
        }
        size_t dropped = 0;
        for (uint64_t index = 0; index < 10000; index++) {
            float factor = bsm_dropout_factor(keys[i], index, 0.25);
            assert_true(factor == 0 || factor == (float)(1 / 0.75));
            dropped += factor == 0;
            assert_true(bsm_dropout_factor(keys[i], index, 0) == 1);
        }
        assert_in_range(dropped, 2500 - 250, 2500 + 250);
    }
}

static void test_memory(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    const bsm_training_options with = options(1);
    bsm_training_memory memory = {0};
    assert_int_equal(bsm_host_plan(&config, &with, &memory, NULL), BSM_OK);
    assert_in_range(memory.parameters, bsm_config_parameters(&config) * 20,
                    bsm_config_parameters(&config) * 21);
    assert_true(memory.scratch > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adamw),      cmocka_unit_test(test_norm),
        cmocka_unit_test(test_read_write), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_dropout),    cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
