/* SPDX-License-Identifier: ISC */
/* First principles: a stream that sees everything is the window, the CPU is the reference on any
 * shape, the number of threads changes nothing, and streams do not disturb windows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise.h"
#include "odd_config.h"
#include "random_config.h"
#include "spectra.h"

static const bsm_device_kind devices[] = {BSM_DEVICE_REFERENCE, BSM_DEVICE_CPU};
enum { NUM_DEVICES = sizeof devices / sizeof *devices };

/* No size is a multiple of a vector's. */
static bsm_config small_config(void)
{
    return odd_config(12, 9);
}

typedef struct fixture {
    bsm_config config;
    bsm_model *model;
    size_t frames, numbers;
    float *spectrum, *window, *stream;
} fixture;

static fixture open_fixture(const bsm_config *config, size_t frames)
{
    fixture f = {.config = *config, .frames = frames};
    f.model = open_config(config);
    f.numbers = frames * bsm_config_features(config);
    f.spectrum = noise_spectrum(config, frames, 7);
    f.window = new_spectrum(config, frames);
    f.stream = new_spectrum(config, frames);
    return f;
}

static void close_fixture(fixture *f)
{
    bsm_model_free(f->model);
    free(f->spectrum);
    free(f->window);
    free(f->stream);
}

static void test_committing_all_is_the_window(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        for (size_t frames = 1; frames < 300; frames = frames * 3 + 1) {
            fixture f = open_fixture(&config, frames);
            bsm_network *network = open_network(f.model, devices[d], 2, frames);
            run_window(network, f.spectrum, frames, f.window);
            run_stream(network, f.spectrum, frames, frames, 0, f.stream);
            assert_memory_equal(f.stream, f.window, f.numbers * sizeof(float));
            bsm_network_free(network);
            close_fixture(&f);
        }
    }
}

static void test_seeing_all_is_the_window(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    enum { FRAMES = 150 };
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        fixture f = open_fixture(&config, FRAMES);
        bsm_network *network = open_network(f.model, devices[d], 2, FRAMES);
        run_window(network, f.spectrum, FRAMES, f.window);
        for (size_t commit = 1; commit < FRAMES; commit = commit * 2 + 3) {
            run_stream(network, f.spectrum, FRAMES, commit, FRAMES, f.stream);
            assert_true(golden_relative_error(f.stream, f.window, f.numbers) < 1e-5);
        }
        bsm_network_free(network);
        close_fixture(&f);
    }
}

/* With no look-ahead, what follows a block must not change it. */
static void test_the_future_does_not_matter_without_lookahead(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    enum { FRAMES = 90, COMMIT = 30, CHANGED = 60 };
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        fixture f = open_fixture(&config, FRAMES);
        bsm_network *network = open_network(f.model, devices[d], 2, FRAMES);
        size_t kept = CHANGED * bsm_config_features(&config);
        run_stream(network, f.spectrum, FRAMES, COMMIT, 0, f.window);
        memset(f.spectrum + kept, 0, (f.numbers - kept) * sizeof(float));
        run_stream(network, f.spectrum, FRAMES, COMMIT, 0, f.stream);
        assert_memory_equal(f.stream, f.window, kept * sizeof(float));
        assert_memory_not_equal(f.stream + kept, f.window + kept,
                                (f.numbers - kept) * sizeof(float));
        bsm_network_free(network);
        close_fixture(&f);
    }
}

static void test_a_window_does_not_disturb_a_stream(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    enum { FRAMES = 40, COMMIT = 20 };
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        fixture f = open_fixture(&config, FRAMES);
        bsm_network *network = open_network(f.model, devices[d], 2, FRAMES);
        size_t half = COMMIT * bsm_config_features(&config);
        run_stream(network, f.spectrum, FRAMES, COMMIT, 0, f.window);

        float *stems[1] = {f.stream};
        bsm_network_reset(network);
        assert_int_equal(bsm_network_stream(network, f.spectrum, COMMIT, COMMIT, stems, NULL), 0);
        float *other = new_spectrum(&config, FRAMES);
        run_window(network, f.spectrum, FRAMES, other);
        stems[0] = f.stream + half;
        assert_int_equal(
            bsm_network_stream(network, f.spectrum + half, COMMIT, COMMIT, stems, NULL), 0);
        assert_memory_equal(f.stream, f.window, f.numbers * sizeof(float));
        free(other);
        bsm_network_free(network);
        close_fixture(&f);
    }
}

static void test_threads_change_nothing(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    enum { FRAMES = 131 };
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        fixture f = open_fixture(&config, FRAMES);
        for (size_t threads = 1; threads <= 5; threads++) {
            bsm_network *network = open_network(f.model, devices[d], threads, FRAMES);
            run_window(network, f.spectrum, FRAMES, threads == 1 ? f.window : f.stream);
            if (threads > 1) {
                assert_memory_equal(f.stream, f.window, f.numbers * sizeof(float));
            }
            bsm_network_free(network);
        }
        close_fixture(&f);
    }
}

/* ---- Any shape ---- */

static bsm_config random_config(uint64_t *seed)
{
    static const random_limits limits = {
        .d_state = 40, .mask_expansion = 4, .heads = 4, .head_low = 1, .head_high = 12};
    bsm_config c = random_layers(seed, &limits);
    c.num_bands = noise_size(seed, 1, 80); /* more than one chunk along the bands, too */
    for (size_t k = 0; k < c.num_bands; k++) {
        c.bands[k] = noise_size(seed, 1, 6);
    }
    if (c.num_bands == 1 && c.bands[0] == 1) {
        c.bands[0]++;
    }
    set_transform(&c);
    return c;
}

static void run_all_stems(bsm_network *network, const fixture *f, size_t commit, float *const *out)
{
    bsm_error error = {0};
    bsm_status status =
        commit ? bsm_network_stream(network, f->spectrum, f->frames, commit, out, &error)
               : bsm_network_forward(network, f->spectrum, f->frames, out, &error);
    if (status) {
        fail_msg("%s", error.message);
    }
}

static void check_cpu_against_reference(const bsm_config *config, size_t frames, size_t commit)
{
    fixture f = open_fixture(config, frames);
    bsm_network *networks[NUM_DEVICES];
    float *out[NUM_DEVICES][BSM_MAX_STEMS] = {{NULL}};
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        networks[d] = open_network(f.model, devices[d], 2, frames);
        for (size_t s = 0; s < config->num_stems; s++) {
            out[d][s] = new_spectrum(config, frames);
        }
        for (int block = 0; block < (commit ? 2 : 1); block++) { /* the second carries a state */
            run_all_stems(networks[d], &f, commit, out[d]);
        }
        bsm_network_free(networks[d]);
    }
    size_t numbers = (commit ? commit : frames) * bsm_config_features(config);
    for (size_t s = 0; s < config->num_stems; s++) {
        double error = golden_relative_error(out[1][s], out[0][s], numbers);
        if (!(error < 1e-5)) {
            fail_msg("dim %zu expand %zu headdim %zu d_state %zu d_conv %zu bands %zu frames %zu "
                     "commit %zu: relative error %g",
                     config->dim, config->expand, config->headdim, config->d_state, config->d_conv,
                     config->num_bands, frames, commit, error);
        }
        free(out[0][s]);
        free(out[1][s]);
    }
    close_fixture(&f);
}

static void test_random_shapes(void **unused)
{
    (void)unused;
    uint64_t seed = 3;
    for (int i = 0; i < 60; i++) {
        bsm_config config = random_config(&seed);
        size_t frames = i % 10 == 0 ? 1 : noise_size(&seed, 1, 150);
        check_cpu_against_reference(&config, frames, i % 2 ? noise_size(&seed, 1, frames) : 0);
    }
}

/* ---- Arguments, and memory ---- */

static void test_bad_arguments(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    fixture f = open_fixture(&config, 10);
    bsm_error error = {0};
    bsm_network *network = NULL;
    bsm_network_options none = {.device = BSM_DEVICE_CPU};
    assert_int_equal(bsm_network_new(f.model, &none, &network, &error), BSM_INVALID_ARGUMENT);
    bsm_network_options card = {.device = BSM_DEVICE_CUDA, .max_frames = 10};
    assert_int_equal(bsm_network_new(f.model, &card, &network, &error), BSM_NO_DEVICE);
    assert_null(network);

    bsm_network_options fixed = {.device = BSM_DEVICE_CPU, .max_frames = 10};
    assert_int_equal(bsm_network_new(f.model, &fixed, &network, &error), BSM_OK);
    float *stems[1] = {f.window};
    assert_int_equal(bsm_network_forward(network, f.spectrum, 0, stems, &error),
                     BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_network_forward(network, f.spectrum, 11, stems, &error),
                     BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_network_stream(network, f.spectrum, 10, 5, stems, &error),
                     BSM_INVALID_ARGUMENT); /* not made for streaming */
    bsm_network_free(network);

    network = open_network(f.model, BSM_DEVICE_CPU, 1, 10);
    assert_int_equal(bsm_network_stream(network, f.spectrum, 10, 0, stems, &error),
                     BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_network_stream(network, f.spectrum, 10, 11, stems, &error),
                     BSM_INVALID_ARGUMENT);
    bsm_network_free(network);
    close_fixture(&f);
}

static bool stop_in_the_first_layer(void *user, bsm_module module, size_t layer)
{
    size_t *calls = user;
    (*calls)++;
    return !(module == BSM_MODULE_TIME_PATH && layer == 0);
}

static void test_an_observer_can_stop(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    fixture f = open_fixture(&config, 10);
    bsm_network *network = open_network(f.model, BSM_DEVICE_CPU, 1, 10);
    size_t calls = 0;
    float *stems[1] = {f.window};
    bsm_network_observe(network, stop_in_the_first_layer, &calls);
    assert_int_equal(bsm_network_forward(network, f.spectrum, 10, stems, NULL), BSM_CANCELLED);
    assert_int_equal(calls, 2);
    bsm_network_observe(network, NULL, NULL);
    assert_int_equal(bsm_network_forward(network, f.spectrum, 10, stems, NULL), BSM_OK);
    bsm_network_free(network);
    close_fixture(&f);
}

static void test_device_names(void **unused)
{
    (void)unused;
    bsm_device_kind kind;
    bsm_error error = {0};
    assert_int_equal(bsm_device_kind_parse("reference", &kind, &error), BSM_OK);
    assert_int_equal(kind, BSM_DEVICE_REFERENCE);
    assert_int_equal(bsm_device_kind_parse("gpu", &kind, &error), BSM_NOT_FOUND);
    assert_non_null(strstr(error.message, "gpu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committing_all_is_the_window),
        cmocka_unit_test(test_seeing_all_is_the_window),
        cmocka_unit_test(test_the_future_does_not_matter_without_lookahead),
        cmocka_unit_test(test_a_window_does_not_disturb_a_stream),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_an_observer_can_stop),
        cmocka_unit_test(test_device_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
