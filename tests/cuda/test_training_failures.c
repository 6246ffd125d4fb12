/* SPDX-License-Identifier: ISC */
/* Tests what goes wrong while the CUDA device trains: memory runs out, and each queued operation
 * fails in turn. The memory that is used is the memory that was planned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../cuda/device.h"
#include "emulated_gpu.h"
#include "net/training.h"
#include "noise.h"

enum { SAMPLES = 40 };

static bsm_config small_config(void)
{
    return (bsm_config){.dim = 4,
                        .depth = 1,
                        .expand = 2,
                        .headdim = 4,
                        .d_state = 3,
                        .d_conv = 2,
                        .mask_expansion = 1,
                        .n_fft = 8,
                        .hop = 3,
                        .sample_rate = 8000,
                        .channels = 1,
                        .num_stems = 1,
                        .stems = {"vocals"},
                        .segment = 1,
                        .num_bands = 2,
                        .bands = {2, 3}};
}

static bsm_training_options small_options(bsm_precision precision, bool checkpointing)
{
    return (bsm_training_options){.precision = precision,
                                  .threads = 1,
                                  .samples = SAMPLES,
                                  .checkpointing = checkpointing,
                                  .loss = {.num_windows = 1, .windows = {4}, .hop = 3}};
}

static bsm_status start(const bsm_training_options *options, bsm_training **training,
                        bsm_error *error)
{
    bsm_config config = small_config();
    bsm_model *model = NULL;
    assert_int_equal(bsm_model_new_untrained(&config, &model, error), BSM_OK);
    bsm_status status = bsm_training_new_on(&bsm_cuda_device, model, options, training, error);
    bsm_model_free(model);
    return status;
}

static void test_plan(void **state)
{
    (void)state;
    static const bsm_precision precisions[] = {BSM_PRECISION_FLOAT32, BSM_PRECISION_BFLOAT16};
    for (size_t i = 0; i < 4; i++) {
        bsm_config config = small_config();
        bsm_training_options options = small_options(precisions[i / 2], i % 2);
        bsm_training_memory memory;
        bsm_training *training = NULL;
        bsm_error error = {0};
        assert_int_equal(bsm_cuda_device.training->plan(&config, &options, &memory, &error),
                         BSM_OK);
        assert_int_equal(the_emulated_gpu.used, 0);
        assert_true(memory.on_gpu);
        assert_int_equal(start(&options, &training, &error), BSM_OK);
        assert_int_equal(the_emulated_gpu.used,
                         memory.parameters + memory.activations + memory.scratch);
        bsm_training_free(training);
        assert_int_equal(the_emulated_gpu.used, 0);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    bsm_training_options options = small_options(BSM_PRECISION_FLOAT32, false);
    bsm_training *training = NULL;
    bsm_error error = {0};
    the_emulated_gpu.memory = 1000;
    assert_int_equal(start(&options, &training, &error), BSM_NO_MEMORY);
    assert_string_equal(error.message, "cuda: no memory for training on 14 frames");
    assert_null(training);
    assert_int_equal(the_emulated_gpu.used, 0);
    the_emulated_gpu.memory = 0;
}

/* Call everything that can be called, until something fails. */
static bsm_status run_all(bsm_training *training, bsm_error *error)
{
    float signal[SAMPLES];
    uint64_t seed = 3;
    noise_fill(&seed, signal, SAMPLES);
    const float *channels[] = {signal};
    const float *const *stems[] = {channels};
    const bsm_training_item item = {.mixture = channels, .stems = stems, .scale = 1};
    const bsm_adamw step = {
        .learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.9, .epsilon = 1e-8, .step = 1, .ema = 0.9};
    static float values[4096];
    bsm_loss loss;
    double norm;
    assert_true(bsm_training_vector_size(training) <= sizeof values / sizeof *values);
    bsm_status status = bsm_training_add(training, &item, &loss, error);
    if (!status) {
        status = bsm_training_norm(training, &norm, error);
    }
    if (!status) {
        status = bsm_training_update(training, &step, error);
    }
    if (!status) {
        status = bsm_training_read(training, BSM_AVERAGES, values, error);
    }
    return status ? status : bsm_training_write(training, BSM_PARAMETERS, values, error);
}

/* Let operation `number` fail; return how many operations there were. */
static size_t fail_at(size_t number)
{
    bsm_training_options options = small_options(BSM_PRECISION_BFLOAT16, true);
    bsm_training *training = NULL;
    bsm_error error = {0};
    the_emulated_gpu.operations = 0;
    the_emulated_gpu.fail_at = number;
    bsm_status status = start(&options, &training, &error);
    if (!status) {
        status = run_all(training, &error);
    }
    const size_t operations = the_emulated_gpu.operations;
    bsm_training_free(training);
    the_emulated_gpu.fail_at = 0;
    assert_int_equal(status, number ? BSM_DEVICE_FAILED : BSM_OK);
    assert_int_equal(the_emulated_gpu.used, 0);
    return operations;
}

static void test_failures(void **state)
{
    (void)state;
    const size_t operations = fail_at(0);
    assert_true(operations > 50);
    for (size_t i = 1; i <= operations; i++) {
        fail_at(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
