/* SPDX-License-Identifier: ISC */
/* Three golden steps of training on one device, which is the argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/packed.h"
#include "golden.h"
#include "golden_device.h"
#include "golden_steps.h"
#include "training_support.h"

static const bsm_device *device;

static const float *find(const void *file, const char *name, size_t *count)
{
    const golden_tensor tensor = golden_find(file, name);
    *count = tensor.count;
    return tensor.data;
}

static void fail_with(const char *text)
{
    fail_msg("%s", text);
}

static void run_steps(bool checkpointing, bsm_precision precision)
{
    const bool exact = precision == BSM_PRECISION_FLOAT32;
    bsm_config config;
    assert_int_equal(bsm_config_preset("tiny", &config, NULL), BSM_OK);
    const bsm_training_options options = {.precision = precision,
                                          .threads = 2,
                                          .samples = GOLDEN_SAMPLES,
                                          .checkpointing = checkpointing,
                                          .loss = bsm_loss_published()};
    golden *steps = golden_open("train.safetensors");
    golden *gradients = golden_open("train.gradients.safetensors");
    golden_steps run = {.training = training_on(device, &config, &options),
                        .steps = steps,
                        .gradients = gradients,
                        .find = find,
                        .wrong = fail_with,
                        .loss_tolerance = exact ? 1e-5 : 1e-3,
                        .norm_tolerance = exact ? 1e-5 : 1e-2,
                        .each_number = exact};
    golden_steps_run(&run);
    print_message("largest differences: %.2g of a loss, %.2g of a norm, %.2g of a gradient\n",
                  run.worst_loss, run.worst_norm, run.worst_gradient);
    bsm_model *model = NULL;
    assert_int_equal(bsm_training_model(run.training, BSM_PARAMETERS, &model, NULL), BSM_OK);
    assert_string_equal(bsm_model_format(model), "training");
    bsm_model_free(model);
    bsm_training_free(run.training);
    golden_close(steps);
    golden_close(gradients);
}

static void test_golden(void **state)
{
    (void)state;
    run_steps(false, BSM_PRECISION_FLOAT32);
}

static void test_golden_checkpointing(void **state)
{
    (void)state;
    run_steps(true, BSM_PRECISION_FLOAT32);
}

static void test_golden_bfloat16(void **state)
{
    (void)state;
    if (device != &bsm_cpu_device || !bsm_packed_bf16()) {
        print_message("skipped: no bfloat16 here\n");
        skip();
    }
    run_steps(false, BSM_PRECISION_BFLOAT16);
    run_steps(true, BSM_PRECISION_BFLOAT16);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_golden_checkpointing),
        cmocka_unit_test(test_golden_bfloat16),
    };
    device = argc > 1 && argc < 4 ? golden_device(argv[1]) : NULL;
    cmocka_set_test_filter(argc == 3 ? argv[2] : NULL);
    if (!device || !device->training) {
        fprintf(stderr, "usage: test_training_golden DEVICE [TEST]\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
