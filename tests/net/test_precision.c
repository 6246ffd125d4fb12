/* SPDX-License-Identifier: ISC */
/* Tests networks on the CPU in the precision that the first argument names. The second one may be
 * "tiles", for sizes that are whole tiles. Results are close to those in float32 but not equal, the
 * same as a window and as a stream, and the same on any number of threads; and the precision is
 * used only if it was requested. A precision that the processor does not have is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocks.h"
#include "bsm/training.h"
#include "device/device.h"
#include "golden.h"
#include "odd_config.h"

enum { FRAMES = 150 };

static bsm_precision precision;

static bool of_whole_tiles;

/* Enough inputs for packed products, with no size a multiple of a vector's; or heads and states of
 * whole tiles, whose scan is rounded, too. */
static bsm_config enough_config(void)
{
    bsm_config config = of_whole_tiles ? odd_config(64, 32) : odd_config(44, 33);
    config.d_state = of_whole_tiles ? 32 : config.d_state;
    return config;
}

typedef struct fixture {
    bsm_config config;
    bsm_model *model;
    size_t numbers;
    float *samples, *exact, *out;
} fixture;

static bsm_network *open_in(bsm_model *model, bsm_device_kind device, bsm_precision wanted,
                            size_t threads)
{
    bsm_error error = {0};
    bsm_network *network = NULL;
    bsm_network_options options = {.device = device,
                                   .precision = wanted,
                                   .threads = threads,
                                   .max_frames = FRAMES,
                                   .streaming = true};
    if (bsm_network_new(model, &options, &network, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

static void run_in(const fixture *f, bsm_device_kind device, bsm_precision wanted, size_t threads,
                   float *out)
{
    bsm_network *network = open_in(f->model, device, wanted, threads);
    run_window(network, f->samples, FRAMES, out);
    bsm_network_free(network);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->config = enough_config();
    f->model = open_config(&f->config);
    f->numbers = f->config.channels * covered(&f->config, FRAMES);
    f->samples = noise_samples(&f->config, FRAMES, 7);
    f->exact = new_samples(&f->config, FRAMES);
    f->out = new_samples(&f->config, FRAMES);
    run_in(f, BSM_DEVICE_CPU, BSM_PRECISION_FLOAT32, 2, f->exact);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    bsm_model_free(f->model);
    free(f->samples);
    free(f->exact);
    free(f->out);
    free(f);
    return 0;
}

static void test_is_near_float32_and_not_the_same(void **state)
{
    const fixture *f = *state;
    run_in(f, BSM_DEVICE_CPU, precision, 2, f->out);
    double error = golden_relative_error(f->out, f->exact, f->numbers);
    print_message("off by %.2g\n", error);
    assert_true(error < (precision == BSM_PRECISION_INT8 ? 0.03 : 0.01));
    assert_true(error > 1e-4); /* float32 has an error of 1e-6 */
}

/* Both types of weights exist at once, and are not confused. */
static void test_lives_beside_float32(void **state)
{
    const fixture *f = *state;
    float *other = new_samples(&f->config, FRAMES);
    bsm_network *rounded = open_in(f->model, BSM_DEVICE_CPU, precision, 2);
    bsm_network *again = open_in(f->model, BSM_DEVICE_CPU, precision, 2);
    run_in(f, BSM_DEVICE_CPU, BSM_PRECISION_FLOAT32, 2, f->out);
    assert_memory_equal(f->out, f->exact, f->numbers * sizeof(float));
    run_window(rounded, f->samples, FRAMES, f->out);
    bsm_network_free(rounded);
    run_window(again, f->samples, FRAMES, other);
    assert_memory_equal(f->out, other, f->numbers * sizeof(float));
    assert_memory_not_equal(f->out, f->exact, f->numbers * sizeof(float));
    assert_non_null(strstr(bsm_network_device_name(again), bsm_precision_name(precision)));
    bsm_network_free(again);
    free(other);
}

static void test_is_asked_for(void **state)
{
    const fixture *f = *state;
    run_in(f, BSM_DEVICE_CPU, BSM_PRECISION_TF32, 2, f->out);
    assert_memory_equal(f->out, f->exact, f->numbers * sizeof(float));
    float *reference = new_samples(&f->config, FRAMES);
    run_in(f, BSM_DEVICE_REFERENCE, BSM_PRECISION_FLOAT32, 2, reference);
    run_in(f, BSM_DEVICE_REFERENCE, precision, 2, f->out);
    assert_memory_equal(f->out, reference, f->numbers * sizeof(float));
    free(reference);
}

static void test_threads_change_nothing(void **state)
{
    const fixture *f = *state;
    float *one = new_samples(&f->config, FRAMES);
    run_in(f, BSM_DEVICE_CPU, precision, 1, one);
    run_in(f, BSM_DEVICE_CPU, precision, 3, f->out);
    assert_memory_equal(f->out, one, f->numbers * sizeof(float));
    free(one);
}

static void test_a_stream_is_the_window(void **state)
{
    const fixture *f = *state;
    float *window = new_samples(&f->config, FRAMES);
    bsm_network *network = open_in(f->model, BSM_DEVICE_CPU, precision, 2);
    run_window(network, f->samples, FRAMES, window);
    run_stream(network, f->samples, FRAMES, FRAMES, 0, f->out);
    assert_memory_equal(f->out, window, f->numbers * sizeof(float));
    for (size_t commit = 1; commit < FRAMES; commit = commit * 3 + 4) {
        run_stream(network, f->samples, FRAMES, commit, FRAMES, f->out);
        /* Other chunks of the scan add in another order, and a number between two integers may then
         * be rounded to the other one. */
        double error = golden_relative_error(f->out, window, f->numbers);
        print_message("commit %zu: off by %.2g\n", commit, error);
        assert_true(error < 0.015);
    }
    bsm_network_free(network);
    free(window);
}

static void test_training_refuses(void **state)
{
    const fixture *f = *state;
    bsm_training_options options = {.device = BSM_DEVICE_CPU,
                                    .precision = BSM_PRECISION_INT8,
                                    .samples = 1000,
                                    .loss = bsm_loss_published()};
    bsm_training_memory memory;
    bsm_error error = {0};
    assert_int_equal(bsm_training_plan(&f->config, &options, &memory, &error), BSM_UNSUPPORTED);
    assert_non_null(strstr(error.message, "int8"));
    assert_null(strchr(error.message, '\n'));
}

/* If the processor does not have the precision, the network uses float32. */
static int run_without(void)
{
    print_message("skipped: this processor has no faster products in %s\n",
                  bsm_precision_name(precision));
    return 77;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_near_float32_and_not_the_same),
        cmocka_unit_test(test_lives_beside_float32),
        cmocka_unit_test(test_is_asked_for),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_a_stream_is_the_window),
        cmocka_unit_test(test_training_refuses),
    };
    bsm_error error;
    if (argc < 2 || bsm_precision_parse(argv[1], &precision, &error)) {
        return 2;
    }
    of_whole_tiles = argc > 2;
    return bsm_cpu_device_for(precision) == &bsm_cpu_device
               ? run_without()
               : cmocka_run_group_tests(tests, setup, teardown);
}
