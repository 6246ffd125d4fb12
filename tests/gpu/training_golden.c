/* SPDX-License-Identifier: ISC */
/* Runs three golden steps of training the tiny model on the CUDA device, in each precision:
 * compares the terms of the loss and the norm of the gradients; in float32, with and without
 * checkpointing, also every gradient of the first step, and weights and averages after the last. */
#include <stdio.h>

#include "device_under_test.h"
#include "net/golden_steps.h"
#include "net/training.h"
#include "tensors.h"

/* The tolerance of a norm is larger, because rounding affects the gradients most. */
static const struct {
    bsm_precision precision;
    const char *name;
    bool checkpointing, each_number;
    double loss_tolerance, norm_tolerance;
} cases[] = {
    {BSM_PRECISION_FLOAT32, "float32", false, true, 1e-5, 1e-5},
    {BSM_PRECISION_FLOAT32, "float32, checkpointing", true, true, 1e-5, 1e-5},
    {BSM_PRECISION_TF32, "tf32", false, false, 1e-2, 1e-1},
    {BSM_PRECISION_BFLOAT16, "bfloat16", false, false, 1e-2, 1e-1},
};

static const float *find(const void *file, const char *name, size_t *count)
{
    size_t shape[4] = {0};
    const float *numbers = tensors_find(file, name, shape);
    *count = shape[0] * shape[1] * shape[2] * shape[3];
    return numbers;
}

static void say(const char *text)
{
    expect(false, "%s", text);
}

static bsm_training *open_training(const bsm_device *device, size_t c)
{
    bsm_config config;
    bsm_model *model = NULL;
    bsm_training *training = NULL;
    bsm_error error = {0};
    const bsm_training_options options = {.precision = cases[c].precision,
                                          .samples = GOLDEN_SAMPLES,
                                          .checkpointing = cases[c].checkpointing,
                                          .loss = bsm_loss_published()};
    bsm_status status = bsm_config_preset("tiny", &config, &error);
    if (!status) {
        status = bsm_model_new_untrained(&config, &model, &error);
    }
    if (!status) {
        status = bsm_training_new_on(device, model, &options, &training, &error);
    }
    expect(!status, "%s: %s", cases[c].name, error.message);
    bsm_model_free(model);
    return training;
}

static void check_case(const bsm_device *device, const tensors *steps, const tensors *gradients,
                       size_t c)
{
    golden_steps run = {.training = open_training(device, c),
                        .steps = steps,
                        .gradients = gradients,
                        .find = find,
                        .wrong = say,
                        .loss_tolerance = cases[c].loss_tolerance,
                        .norm_tolerance = cases[c].norm_tolerance,
                        .each_number = cases[c].each_number};
    if (!run.training) {
        return;
    }
    golden_steps_run(&run);
    printf("%s: losses off by %.2g at most, norms by %.2g", cases[c].name, run.worst_loss,
           run.worst_norm);
    if (run.each_number) {
        printf(", gradients by %.2g of their tensor's largest, weights by %.2g of their way",
               run.worst_gradient, run.worst_weight);
    }
    putchar('\n');
    bsm_training_free(run.training);
}

int main(void)
{
    const bsm_device *device = device_under_test();
    if (!device) {
        return TEST_SKIPPED;
    }
    tensors *steps = tensors_open("train.safetensors");
    tensors *gradients = tensors_open("train.gradients.safetensors");
    for (size_t c = 0; steps && gradients && c < sizeof cases / sizeof *cases; c++) {
        check_case(device, steps, gradients, c);
    }
    expect(steps && gradients, "no golden steps");
    tensors_close(steps);
    tensors_close(gradients);
    return failures() ? 1 : 0;
}
