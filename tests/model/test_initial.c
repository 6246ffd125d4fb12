/* SPDX-License-Identifier: ISC */
/* Tests models that are made and not read: weights as one vector, and the weights of a new
 * network. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/weight_vector.h"
#include "scratch.h"

static bsm_model *initialised(uint64_t seed)
{
    bsm_config config;
    bsm_model *model = NULL;
    assert_int_equal(bsm_config_preset("tiny", &config, NULL), BSM_OK);
    assert_int_equal(bsm_model_new_initialised(&config, seed, &model, NULL), BSM_OK);
    return model;
}

static const bsm_tensor *find(const bsm_model *model, const char *name)
{
    const bsm_tensor *tensor = bsm_model_find(model, name);
    assert_non_null(tensor);
    return tensor;
}

/* Check that all numbers are within [low, high], and approach both ends within a `share` of its
 * width. */
static void assert_fills(const bsm_model *model, const char *name, double low, double high,
                         double share)
{
    const bsm_tensor *tensor = find(model, name);
    const float *values = tensor->data;
    double smallest = INFINITY, largest = -INFINITY;
    for (size_t i = 0; i < tensor->count; i++) {
        smallest = fmin(smallest, (double)values[i]);
        largest = fmax(largest, (double)values[i]);
    }
    if (smallest < low - 1e-6 || largest > high + 1e-6 || smallest > low + share * (high - low) ||
        largest < high - share * (high - low)) {
        fail_msg("%s: %g to %g instead of %g to %g", name, smallest, largest, low, high);
    }
}

/* Check the mean and variance of uniform distributions, with enough numbers to be significant. */
static void assert_moments(const bsm_model *model, const char *name, double bound)
{
    const bsm_tensor *tensor = find(model, name);
    const float *values = tensor->data;
    double sum = 0, squares = 0, count = (double)tensor->count;
    for (size_t i = 0; i < tensor->count; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    double variance = bound * bound / 3;
    assert_true(fabs(sum / count) < 5 * sqrt(variance / count));
    assert_true(fabs(squares / count - variance) < 5 * variance * sqrt(0.8 / count));
}

#define MIXER "layers.1.0.backward_blocks.0.mixer."

static void test_ranges(void **state)
{
    (void)state;
    bsm_model *model = initialised(3);
    /* tiny: dim 16, d_inner 64, mask hidden 64; band 0 has 8 features. */
    assert_fills(model, MIXER "in_proj.weight", -1. / 4, 1. / 4, 0.01);
    assert_fills(model, MIXER "out_proj.weight", -1. / 8, 1. / 8, 0.01);
    assert_fills(model, MIXER "conv1d.weight", -1. / 2, 1. / 2, 0.05);
    assert_fills(model, MIXER "conv1d.bias", -1. / 2, 1. / 2, 0.1);
    assert_fills(model, "layers.1.0.linear.weight", -1. / 4, 1. / 4, 0.02);
    assert_fills(model, "layers.1.0.linear.bias", -1. / 4, 1. / 4, 0.3);
    assert_fills(model, "band_split.to_features.0.1.weight", -1 / sqrt(8), 1 / sqrt(8), 0.05);
    assert_fills(model, "band_split.to_features.0.1.bias", -1 / sqrt(8), 1 / sqrt(8), 0.3);
    assert_fills(model, "mask_estimators.0.to_freqs.30.0.2.bias", -1. / 8, 1. / 8, 0.2);
    assert_fills(model, MIXER "A_log", 0, log(16), 0.9);
    assert_fills(model, MIXER "dt_bias", log(expm1(1e-3)), log(expm1(1e-1)), 0.9);
    const char *ones[] = {MIXER "D", MIXER "norm.weight", "layers.0.1.forward_blocks.0.norm.weight",
                          "final_norm.gamma", "band_split.to_features.61.0.gamma"};
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        assert_fills(model, ones[i], 1, 1, 0);
    }
    assert_moments(model, MIXER "in_proj.weight", 1. / 4);
    assert_moments(model, "mask_estimators.0.to_freqs.60.0.2.weight", 1. / 8);
    bsm_model_free(model);
}

/* Find the extremes of `map` over all tensors whose names end with `suffix`. */
static void find_extremes(const bsm_model *model, const char *suffix, double (*map)(double),
                          double extremes[2])
{
    extremes[0] = INFINITY;
    extremes[1] = -INFINITY;
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        const char *end = tensor->name + strlen(tensor->name) - strlen(suffix);
        for (size_t n = 0; strcmp(end, suffix) == 0 && n < tensor->count; n++) {
            double value = map((double)((const float *)tensor->data)[n]);
            extremes[0] = fmin(extremes[0], value);
            extremes[1] = fmax(extremes[1], value);
        }
    }
}

static double softplus(double x)
{
    return log1p(exp(x));
}

/* Step sizes range from 0.001 to 0.1 and decays from 1 to 16, after the functions that the scan
 * applies. */
static void test_scan(void **state)
{
    (void)state;
    bsm_config config;
    bsm_model *model = NULL;
    double steps[2], decays[2];
    assert_int_equal(bsm_config_preset("tiny", &config, NULL), BSM_OK);
    config.headdim = 1; /* many heads */
    assert_int_equal(bsm_model_new_initialised(&config, 1, &model, NULL), BSM_OK);
    find_extremes(model, ".dt_bias", softplus, steps);
    find_extremes(model, ".A_log", exp, decays);
    bsm_model_free(model);
    const double found[] = {steps[0], steps[1], decays[0], decays[1]};
    const double expected[] = {1e-3, 1e-1, 1, 16}, tolerance[] = {0.03, 0.03, 0.1, 0.03};
    for (size_t i = 0; i < 4; i++) {
        if (!(fabs(found[i] / expected[i] - 1) < tolerance[i])) {
            fail_msg("%g instead of %g", found[i], expected[i]);
        }
    }
}

/* The initial weights depend on the seed and on the tensor's name. */
static void test_seeds(void **state)
{
    (void)state;
    bsm_model *a = initialised(1), *b = initialised(1), *c = initialised(2);
    assert_same_weights(a, b);
    const char *name = "layers.0.0.forward_blocks.0.mixer.in_proj.weight";
    const char *other = "layers.0.0.backward_blocks.0.mixer.in_proj.weight";
    size_t bytes = find(a, name)->count * sizeof(float);
    assert_memory_not_equal(find(a, name)->data, find(c, name)->data, bytes);
    assert_memory_not_equal(find(a, name)->data, find(a, other)->data, bytes);
    assert_string_equal(bsm_model_metadata(c, "training"), "none: initialised with seed 2");
    bsm_model_free(a);
    bsm_model_free(b);
    bsm_model_free(c);
}

/* Tensors are stored one after the other, padded with zeros to multiples of 16 floats. */
static void test_vector(void **state)
{
    (void)state;
    const bsm_config config = mini_config();
    bsm_model *mini = mini_model(), *over = NULL;
    size_t size, expected = 0;
    float *vector = NULL;
    assert_int_equal(bsm_vector_size(&config, &size, NULL), BSM_OK);
    assert_int_equal(bsm_vector_model_new(&config, "over", "over", &over, &vector, NULL), BSM_OK);
    assert_int_equal((uintptr_t)vector % 64, 0);
    for (size_t i = 0; i < size; i++) {
        assert_true(vector[i] == 0);
    }
    memset(vector, 0xff, size * sizeof *vector); /* NaN, to find what is not written */
    bsm_vector_read(mini, vector);
    assert_same_weights(mini, over);
    for (size_t i = 0; i < bsm_model_num_tensors(over); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(over, i);
        assert_ptr_equal(tensor->data, vector + expected);
        for (expected += tensor->count; expected % 16; expected++) {
            assert_true(vector[expected] == 0);
        }
    }
    assert_int_equal(expected, size);
    bsm_model_free(mini);
    bsm_model_free(over);
}

static void test_metadata(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    assert_int_equal(bsm_model_set_metadata(mini, "training", "3 steps", NULL), BSM_OK);
    assert_int_equal(bsm_model_set_metadata(mini, "licence", "ISC", NULL), BSM_OK);
    assert_string_equal(bsm_model_metadata(mini, "training"), "3 steps");
    const char *path = scratch_path("summary.safetensors");
    assert_int_equal(bsm_model_save(mini, path, BSM_F32, true, NULL), BSM_OK);
    bsm_model *read = assert_opens(path);
    assert_string_equal(bsm_model_metadata(read, "training"), "3 steps");
    assert_string_equal(bsm_model_metadata(read, "licence"), "ISC");
    bsm_model_free(read);
    bsm_model_free(mini);
}

static void test_bad_config(void **state)
{
    (void)state;
    bsm_config config = mini_config();
    config.dim = 0;
    size_t size;
    float *vector = NULL;
    bsm_model *model = NULL;
    assert_int_equal(bsm_vector_size(&config, &size, NULL), BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_vector_model_new(&config, "bad", "bad", &model, &vector, NULL),
                     BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_model_new_initialised(&config, 1, &model, NULL), BSM_INVALID_ARGUMENT);
    assert_null(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),     cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_seeds),    cmocka_unit_test(test_vector),
        cmocka_unit_test(test_metadata), cmocka_unit_test(test_bad_config),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
