/* SPDX-License-Identifier: ISC */
/* Tests sums over processes with a stand-in for NCCL: one process alone, and what can go wrong.
 * Several processes are tested by tests/trainer/gpus_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cuda/device.h"
#include "emulated_gpu.h"
#include "net/training.h"

static bsm_training *start(const bsm_device *device)
{
    const bsm_config config = {.dim = 4,
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
    const bsm_training_options options = {
        .threads = 1, .samples = 40, .loss = {.num_windows = 1, .windows = {4}, .hop = 3}};
    bsm_model *model = NULL;
    bsm_training *training = NULL;
    assert_int_equal(bsm_model_new_untrained(&config, &model, NULL), BSM_OK);
    assert_int_equal(bsm_training_new_on(device, model, &options, &training, NULL), BSM_OK);
    bsm_model_free(model);
    return training;
}

static bsm_status join_alone(bsm_training *training, bsm_error *error)
{
    bsm_peers_id id;
    bsm_status status = bsm_training_peers_id(training, &id, error);
    return status ? status : bsm_training_peers_join(training, &id, 0, 1, error);
}

static bsm_training *start_alone(void)
{
    bsm_training *training = start(&bsm_cuda_device);
    assert_int_equal(join_alone(training, NULL), BSM_OK);
    return training;
}

static void test_alone(void **state)
{
    (void)state;
    char name[64];
    static float written[4096], found[4096];
    bsm_training *training = start_alone();
    const size_t size = bsm_training_vector_size(training);
    assert_true(size <= sizeof written / sizeof *written);
    assert_int_equal(bsm_training_peers_describe(training, name, sizeof name, NULL), BSM_OK);
    assert_string_equal(name, "NCCL 2.9.5");
    for (size_t i = 0; i < size; i++) {
        written[i] = (float)i - 10;
    }
    assert_int_equal(bsm_training_write(training, BSM_GRADIENTS, written, NULL), BSM_OK);
    assert_int_equal(bsm_training_sum_gradients(training, NULL), BSM_OK);
    assert_int_equal(bsm_training_read(training, BSM_GRADIENTS, found, NULL), BSM_OK);
    assert_memory_equal(found, written, size * sizeof *found);
    bsm_training_free(training);
}

static void test_a_device_without(void **state)
{
    (void)state;
    bsm_training *training = start(&bsm_reference_device);
    bsm_peers_id id = {{0}};
    char name[64];
    assert_int_equal(bsm_training_peers_describe(training, name, sizeof name, NULL),
                     BSM_UNSUPPORTED);
    assert_int_equal(bsm_training_peers_id(training, &id, NULL), BSM_UNSUPPORTED);
    assert_int_equal(bsm_training_peers_join(training, &id, 0, 1, NULL), BSM_UNSUPPORTED);
    assert_int_equal(bsm_training_sum_gradients(training, NULL), BSM_UNSUPPORTED);
    bsm_training_free(training);
}

static void test_misuse(void **state)
{
    (void)state;
    bsm_training *training = start(&bsm_cuda_device);
    bsm_peers_id id = {{0}};
    assert_int_equal(bsm_training_sum_gradients(training, NULL), BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_training_peers_join(training, &id, 1, 1, NULL), BSM_INVALID_ARGUMENT);
    assert_int_equal(join_alone(training, NULL), BSM_OK);
    assert_int_equal(join_alone(training, NULL), BSM_INVALID_ARGUMENT);
    bsm_training_free(training);
}

static void test_joining_fails(void **state)
{
    (void)state;
    static const struct {
        const char *how, *why;
        bsm_status status;
    } cases[] = {
        {"id", "an id for the processes: unhandled system error", BSM_DEVICE_FAILED},
        {"join", "joining the processes: unhandled system error", BSM_DEVICE_FAILED},
        {"absent", "another process did not join", BSM_IO},
    };
    bsm_training *training = start(&bsm_cuda_device);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bsm_error error = {0};
        setenv("BSM_FAKE_NCCL", cases[i].how, 1);
        assert_int_equal(join_alone(training, &error), cases[i].status);
        assert_non_null(strstr(error.message, cases[i].why));
    }
    unsetenv("BSM_FAKE_NCCL");
    bsm_training_free(training);
}

/* Check that a sum fails with this error, and that all later sums fail, too. */
static void check_failing_sum(bsm_training *training, bsm_status status, const char *why)
{
    bsm_error error = {0};
    assert_int_equal(bsm_training_sum_gradients(training, &error), status);
    assert_non_null(strstr(error.message, why));
    unsetenv("BSM_FAKE_NCCL");
    the_emulated_gpu.busy = false;
    assert_int_equal(bsm_training_sum_gradients(training, &error), BSM_IO);
    bsm_training_free(training);
}

static void test_summing_fails(void **state)
{
    (void)state;
    bsm_training *training = start_alone();
    setenv("BSM_FAKE_NCCL", "sum", 1);
    check_failing_sum(training, BSM_DEVICE_FAILED, "summing: invalid argument");
    training = start_alone();
    setenv("BSM_FAKE_NCCL", "lost", 1);
    check_failing_sum(training, BSM_IO, "another process of the training was lost");
    training = start_alone();
    setenv("BSM_FAKE_NCCL", "lost", 1);
    the_emulated_gpu.busy = true; /* like a GPU whose peer is gone */
    check_failing_sum(training, BSM_IO, "another process of the training was lost");
    training = start_alone();
    the_emulated_gpu.busy = true;
    check_failing_sum(training, BSM_IO, "did not answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),         cmocka_unit_test(test_a_device_without),
        cmocka_unit_test(test_misuse),        cmocka_unit_test(test_joining_fails),
        cmocka_unit_test(test_summing_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
