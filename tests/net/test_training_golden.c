/* SPDX-License-Identifier: ISC */
/* Three golden steps of training on one device, which is the argument. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "golden_device.h"
#include "training_support.h"

enum { CHANNELS = 2, SAMPLES = 13230, ITEMS = 2, STEPS = 3 };

static const bsm_device *device;

static void add_golden_item(bsm_training *training, const golden *file, size_t index, bsm_loss *sum)
{
    const float *mixture = golden_find(file, "mix").data + index * CHANNELS * SAMPLES;
    const float *target = golden_find(file, "target").data + index * CHANNELS * SAMPLES;
    const float *mixtures[] = {mixture, mixture + SAMPLES};
    const float *targets[] = {target, target + SAMPLES};
    const float *const *stems[] = {targets};
    const bsm_training_item item = {.mixture = mixtures, .stems = stems, .scale = 1.0 / ITEMS};
    bsm_loss loss;
    bsm_error error = {0};
    if (bsm_training_add(training, &item, &loss, &error)) {
        fail_msg("%s", error.message);
    }
    sum->total += loss.total / ITEMS;
    sum->time += loss.time / ITEMS;
    for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
        sum->spectral[i] += loss.spectral[i] / ITEMS;
    }
}

BSM_PRINTF(4, 5)
static void assert_golden(const golden *file, double actual, double relative, const char *format,
                          ...)
{
    char name[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    double expected = (double)*golden_find(file, name).data;
    if (!(fabs(actual - expected) <= relative * fabs(expected))) {
        fail_msg("%s: %.9g instead of %.9g", name, actual, expected);
    }
}

/* The largest difference, of which a NaN is one. */
static double largest_difference(const float *a, const float *b, size_t count)
{
    double found = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        found = difference <= found ? found : difference;
    }
    return found;
}

/* Every gradient, relative to the largest of its tensor. A tensor whose gradients are all far
 * smaller than the others' is one of differences that nearly cancel: it is measured by `floor`. */
static void assert_golden_gradients(bsm_training *training)
{
    golden *file = golden_open("train.gradients.safetensors");
    bsm_model *model = NULL;
    assert_int_equal(bsm_training_model(training, BSM_PARAMETERS, &model, NULL), BSM_OK);
    float *gradients = read_vector(training, BSM_GRADIENTS);
    const float *at = gradients;
    const double floor = 1e-6 * largest(gradients, bsm_training_vector_size(training));
    double worst = 0;
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        golden_tensor expected = golden_find(file, tensor->name);
        assert_int_equal(expected.count, tensor->count);
        double size = fmax(largest(expected.data, expected.count), floor);
        double error = largest_difference(at, expected.data, expected.count) / size;
        if (!(error <= 1e-4)) {
            fail_msg("%s: gradients differ by %g of %g", tensor->name, error, size);
        }
        worst = fmax(worst, error);
        at += (tensor->count + 15) / 16 * 16;
    }
    print_message("largest difference of a gradient: %.2g of its tensor's largest\n", worst);
    free(gradients);
    bsm_model_free(model);
    golden_close(file);
}

/* Parameters (after3.*) or averages (ema3.*). A step is the learning rate's size even where the
 * gradient is next to nothing, so that differences are measured by the way made, and by what
 * float32 can hold. */
static void assert_golden_weights(bsm_training *training, const golden *file,
                                  bsm_training_vector vector, const char *prefix, double moved)
{
    const char *names[] = {"layers.0.0.forward_blocks.0.mixer.A_log",
                           "layers.0.0.forward_blocks.0.mixer.in_proj.weight",
                           "layers.1.1.backward_blocks.0.mixer.conv1d.weight",
                           "layers.1.0.linear.weight",
                           "final_norm.gamma",
                           "band_split.to_features.0.1.weight",
                           "mask_estimators.0.to_freqs.30.0.2.weight",
                           "layers.0.1.forward_blocks.0.mixer.dt_bias"};
    bsm_model *model = NULL;
    assert_int_equal(bsm_training_model(training, vector, &model, NULL), BSM_OK);
    assert_string_equal(bsm_model_format(model), "training");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s.%s", prefix, names[i]);
        const bsm_tensor *tensor = bsm_model_find(model, names[i]);
        golden_tensor expected = golden_find(file, name);
        assert_non_null(tensor);
        assert_int_equal(expected.count, tensor->count);
        double error = largest_difference(tensor->data, expected.data, expected.count);
        double rounding = 0x1p-23 * largest(expected.data, expected.count);
        if (!(error <= 1e-2 * moved + rounding)) {
            fail_msg("%s: weights differ by %g after moving by %g", name, error, moved);
        }
    }
    bsm_model_free(model);
}

static void golden_step(bsm_training *training, const golden *file, size_t number)
{
    bsm_loss loss = {0};
    double norm;
    const bsm_loss_options options = bsm_loss_published();
    for (size_t item = 0; item < ITEMS; item++) {
        add_golden_item(training, file, item, &loss);
    }
    assert_golden(file, loss.total, 1e-5, "step%zu.loss.total", number);
    assert_golden(file, options.lambda_time * loss.time, 1e-5, "step%zu.loss.time", number);
    for (size_t i = 0; i < options.num_windows; i++) {
        assert_golden(file, loss.spectral[i], 1e-5, "step%zu.loss.stft%zu", number,
                      options.windows[i]);
    }
    assert_int_equal(bsm_training_norm(training, &norm, NULL), BSM_OK);
    assert_golden(file, norm, 1e-5, "step%zu.grad_norm", number);
    if (number == 0) {
        assert_golden_gradients(training);
    }
    bsm_adamw step = published_step(number + 1, norm);
    assert_int_equal(bsm_training_update(training, &step, NULL), BSM_OK);
}

static void golden_steps(bool checkpointing)
{
    bsm_config config;
    assert_int_equal(bsm_config_preset("tiny", &config, NULL), BSM_OK);
    const bsm_training_options options = {.threads = 2,
                                          .samples = SAMPLES,
                                          .checkpointing = checkpointing,
                                          .loss = bsm_loss_published()};
    bsm_training *training = training_on(device, &config, &options);
    golden *file = golden_open("train.safetensors");
    for (size_t step = 0; step < STEPS; step++) {
        golden_step(training, file, step);
    }
    const double moved = STEPS * 5e-4;
    assert_golden_weights(training, file, BSM_PARAMETERS, "after3", moved);
    assert_golden_weights(training, file, BSM_AVERAGES, "ema3", 2e-3 * moved);
    golden_close(file);
    bsm_training_free(training);
}

static void test_golden(void **state)
{
    (void)state;
    golden_steps(false);
}

static void test_golden_checkpointing(void **state)
{
    (void)state;
    golden_steps(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_golden_checkpointing),
    };
    device = argc > 1 && argc < 4 ? golden_device(argv[1]) : NULL;
    cmocka_set_test_filter(argc == 3 ? argv[2] : NULL);
    if (!device || !device->training) {
        fprintf(stderr, "usage: test_training_golden DEVICE [TEST]\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
