/* SPDX-License-Identifier: ISC */
/* Compares the scan step by step with the device's own scan, on the emulated GPU: both are timed,
 * and their results agree within the precision, for scans by products and in one kernel. A GPU that
 * is too small or fails at any of its operations yields an error, and no memory is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device.h"
#include "emulated_gpu.h"
#include "net/place.h"

enum { FRAMES = 130, REPEATS = 2, BANDS = 3 };

static bsm_model *new_model(size_t headdim, size_t d_state)
{
    const bsm_config config = {.dim = headdim,
                               .depth = 1,
                               .expand = 2,
                               .headdim = headdim,
                               .d_state = d_state,
                               .d_conv = 3,
                               .mask_expansion = 2,
                               .num_bands = BANDS,
                               .bands = {1, 2, 6},
                               .n_fft = 16,
                               .hop = 5,
                               .sample_rate = 8000,
                               .channels = 2,
                               .num_stems = 1,
                               .stems = {"vocals"},
                               .segment = 1};
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_new_untrained(&config, &model, &error)) {
        fail_msg("%s", error.message);
    }
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    return model;
}

static bsm_network *open_on(bsm_model *model, const bsm_device *device, bsm_precision precision)
{
    bsm_network_options options = {.threads = 1, .max_frames = FRAMES, .precision = precision};
    bsm_network *network = NULL;
    bsm_error error = {0};
    if (bsm_network_new_on(device, NULL, model, &options, &network, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

static void close_all(bsm_network *network, bsm_model *model)
{
    bsm_network_free(network);
    bsm_model_free(model);
    assert_int_equal(the_emulated_gpu.used, 0);
}

/* @param longest  how many of the longest sequences fit into a slab (BSM_SLAB_ROWS) */
static void check_times(size_t headdim, size_t d_state, bsm_precision precision, size_t longest,
                        double tolerance)
{
    bsm_model *model = new_model(headdim, d_state);
    bsm_network *network = open_on(model, &bsm_cuda_device, precision);
    const size_t used = the_emulated_gpu.used, lengths[] = {1, 40, FRAMES};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        bsm_scan_times times;
        bsm_error error = {0};
        if (bsm_network_scan_times(network, lengths[i], REPEATS + i, &times, &error)) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(times.sequences, lengths[i] == FRAMES ? longest : BANDS);
        assert_int_equal(times.steps, lengths[i]);
        assert_true(times.sequential > 0 && times.fast > 0);
        if (!(times.difference < tolerance)) {
            fail_msg("%zu frames: off by %g", lengths[i], times.difference);
        }
        assert_int_equal(the_emulated_gpu.used, used);
    }
    close_all(network, model);
}

static void test_by_products(void **unused)
{
    (void)unused;
    check_times(6, 5, BSM_PRECISION_FLOAT32, 2, 1e-5);
    check_times(6, 5, BSM_PRECISION_BFLOAT16, 2, 1e-2);
}

static void test_in_one_kernel(void **unused)
{
    (void)unused;
    check_times(32, 32, BSM_PRECISION_BFLOAT16, BANDS, 1e-2);
}

static void expect_failure(bsm_network *network, size_t frames, size_t repeats, bsm_status expected)
{
    bsm_scan_times times;
    bsm_error error = {0};
    assert_int_equal(bsm_network_scan_times(network, frames, repeats, &times, &error), expected);
    assert_true(error.message[0] != '\0');
}

static void test_what_cannot_be_timed(void **unused)
{
    (void)unused;
    bsm_model *model = new_model(6, 5);
    bsm_network *network = open_on(model, &bsm_cuda_device, BSM_PRECISION_FLOAT32);
    expect_failure(network, 0, 1, BSM_INVALID_ARGUMENT);
    expect_failure(network, FRAMES + 1, 1, BSM_INVALID_ARGUMENT);
    expect_failure(network, FRAMES, 0, BSM_INVALID_ARGUMENT);
    the_emulated_gpu.memory = the_emulated_gpu.used + 1000;
    expect_failure(network, FRAMES, 1, BSM_NO_MEMORY);
    assert_true(the_emulated_gpu.used < the_emulated_gpu.memory);
    the_emulated_gpu.memory = 0;
    bsm_scan_times times;
    assert_int_equal(bsm_network_scan_times(network, FRAMES, 1, &times, NULL), BSM_OK);
    close_all(network, model);

    model = new_model(6, 5);
    network = open_on(model, &bsm_cpu_device, BSM_PRECISION_FLOAT32);
    expect_failure(network, FRAMES, 1, BSM_UNSUPPORTED);
    close_all(network, model);
}

/* Let each operation fail in turn. */
static void test_failing_anywhere(void **unused)
{
    (void)unused;
    bsm_model *model = new_model(6, 5);
    bsm_network *network = open_on(model, &bsm_cuda_device, BSM_PRECISION_BFLOAT16);
    const size_t used = the_emulated_gpu.used, opening = the_emulated_gpu.operations;
    bsm_scan_times times;
    assert_int_equal(bsm_network_scan_times(network, 2, 1, &times, NULL), BSM_OK);
    const size_t operations = the_emulated_gpu.operations;
    bsm_network_free(network);
    assert_true(operations > opening + 10);
    for (size_t at = opening + 1; at <= operations; at++) {
        memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
        the_emulated_gpu.fail_at = at;
        network = open_on(model, &bsm_cuda_device, BSM_PRECISION_BFLOAT16);
        assert_int_equal(the_emulated_gpu.operations, opening);
        expect_failure(network, 2, 1, BSM_DEVICE_FAILED);
        assert_int_equal(the_emulated_gpu.used, used);
        bsm_network_free(network);
        assert_int_equal(the_emulated_gpu.used, 0);
    }
    bsm_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_products),
        cmocka_unit_test(test_in_one_kernel),
        cmocka_unit_test(test_what_cannot_be_timed),
        cmocka_unit_test(test_failing_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
