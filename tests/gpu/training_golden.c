/* SPDX-License-Identifier: ISC */
/* Three golden steps of training the tiny model on the CUDA device, in each precision: the loss's
 * terms, the gradients' norm, and in float32 every gradient of the first step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "device_under_test.h"
#include "net/training_on.h"
#include "tensors.h"

enum { CHANNELS = 2, SAMPLES = 13230, ITEMS = 2, STEPS = 3 };

static const struct {
    bsm_precision precision;
    const char *name;
    double tolerance;
} precisions[] = {
    {BSM_PRECISION_FLOAT32, "float32", 1e-5},
    {BSM_PRECISION_TF32, "tf32", 1e-2},
    {BSM_PRECISION_BFLOAT16, "bfloat16", 1e-2},
};

static double worst;

static void expect_golden(const tensors *file, double actual, double tolerance, size_t step,
                          const char *what)
{
    char name[64];
    size_t shape[4];
    snprintf(name, sizeof name, "step%zu.%s", step, what);
    const float *expected = tensors_find(file, name, shape);
    const double off = expected ? fabs(actual - (double)*expected) / fabs((double)*expected) : 1;
    worst = off <= worst ? worst : off;
    expect(off <= tolerance, "%s: %.9g is off by %g", name, actual, off);
}

static bsm_status add_item(bsm_training *training, const tensors *file, size_t index, bsm_loss *sum,
                           bsm_error *error)
{
    size_t shape[4];
    const float *mixture = tensors_find(file, "mix", shape);
    const float *target = tensors_find(file, "target", shape);
    if (!mixture || !target) {
        return bsm_fail(error, BSM_NOT_FOUND, "train.safetensors: no mixture or target");
    }
    mixture += index * CHANNELS * SAMPLES;
    target += index * CHANNELS * SAMPLES;
    const float *mixtures[] = {mixture, mixture + SAMPLES};
    const float *targets[] = {target, target + SAMPLES};
    const float *const *stems[] = {targets};
    const bsm_training_item item = {.mixture = mixtures, .stems = stems, .scale = 1.0 / ITEMS};
    bsm_loss loss = {0};
    bsm_status status = bsm_training_add(training, &item, &loss, error);
    sum->total += loss.total / ITEMS;
    sum->time += loss.time / ITEMS;
    for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
        sum->spectral[i] += loss.spectral[i] / ITEMS;
    }
    return status;
}

static void expect_loss(const tensors *file, const bsm_loss *loss, double tolerance, size_t step)
{
    const bsm_loss_options options = bsm_loss_published();
    expect_golden(file, loss->total, tolerance, step, "loss.total");
    expect_golden(file, options.lambda_time * loss->time, tolerance, step, "loss.time");
    for (size_t i = 0; i < options.num_windows; i++) {
        char what[32];
        snprintf(what, sizeof what, "loss.stft%zu", options.windows[i]);
        expect_golden(file, loss->spectral[i], tolerance, step, what);
    }
}

/* All gradients together. */
static void expect_gradients(bsm_training *training, const bsm_model *model)
{
    tensors *file = tensors_open("train.gradients.safetensors");
    float *gradients = malloc(bsm_training_vector_size(training) * sizeof *gradients);
    bsm_error error = {0};
    double difference = 0, size = 0;
    size_t shape[4], at = 0;
    bool read = file && gradients && !bsm_training_read(training, BSM_GRADIENTS, gradients, &error);
    expect(read, "gradients: %s", error.message);
    for (size_t i = 0; read && i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        const float *expected = tensors_find(file, tensor->name, shape);
        expect(expected != NULL, "%s is missing", tensor->name);
        for (size_t j = 0; expected && j < tensor->count; j++) {
            difference += pow((double)gradients[at + j] - (double)expected[j], 2);
            size += pow((double)expected[j], 2);
        }
        at += (tensor->count + 15) / 16 * 16;
    }
    expect(sqrt(difference / size) < 1e-4, "gradients are off by %g", sqrt(difference / size));
    free(gradients);
    tensors_close(file);
}

static bsm_status run_step(bsm_training *training, const bsm_model *model, const tensors *file,
                           size_t p, size_t step, bsm_error *error)
{
    bsm_loss loss = {0};
    double norm = 0;
    bsm_status status = BSM_OK;
    for (size_t item = 0; item < ITEMS && !status; item++) {
        status = add_item(training, file, item, &loss, error);
    }
    if (!status) {
        status = bsm_training_norm(training, &norm, error);
    }
    if (status) {
        return status;
    }
    expect_loss(file, &loss, precisions[p].tolerance, step);
    /* A norm is a sum over what rounding touches most. */
    expect_golden(file, norm, p ? 10 * precisions[p].tolerance : precisions[p].tolerance, step,
                  "grad_norm");
    if (step == 0 && p == 0) {
        expect_gradients(training, model);
    }
    const bsm_adamw adamw = {.learning_rate = 5e-4,
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .epsilon = 1e-8,
                             .weight_decay = 0.01,
                             .step = step + 1,
                             .gradient_scale = fmin(1, 3 / (norm + 1e-6)),
                             .ema = 0.999};
    return bsm_training_update(training, &adamw, error);
}

static void check_precision(const bsm_device *device, const tensors *file, size_t p)
{
    bsm_config config;
    bsm_model *model = NULL;
    bsm_training *training = NULL;
    bsm_error error = {0};
    const bsm_training_options options = {
        .precision = precisions[p].precision, .samples = SAMPLES, .loss = bsm_loss_published()};
    bsm_status status = bsm_config_preset("tiny", &config, &error);
    if (!status) {
        status = bsm_model_new_untrained(&config, &model, &error);
    }
    if (!status) {
        status = bsm_training_new_on(device, model, &options, &training, &error);
    }
    worst = 0;
    for (size_t step = 0; step < STEPS && !status; step++) {
        status = run_step(training, model, file, p, step, &error);
    }
    expect(!status, "%s: %s", precisions[p].name, error.message);
    printf("%-8s: losses and norms off by %.2g at most\n", precisions[p].name, worst);
    bsm_training_free(training);
    bsm_model_free(model);
}

int main(void)
{
    const bsm_device *device = device_under_test();
    if (!device) {
        return TEST_SKIPPED;
    }
    tensors *file = tensors_open("train.safetensors");
    for (size_t p = 0; file && p < sizeof precisions / sizeof *precisions; p++) {
        check_precision(device, file, p);
    }
    expect(file != NULL, "no golden steps");
    tensors_close(file);
    return failures() ? 1 : 0;
}
