/* SPDX-License-Identifier: ISC */
/* Tests basic properties: a stream that sees everything equals the window, the CPU agrees with the
 * reference for any shape, the number of threads changes nothing, and streams and windows do not
 * affect each other. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocks.h"
#include "noise.h"
#include "odd_config.h"
#include "random_config.h"

static const bsm_device_kind devices[] = {BSM_DEVICE_REFERENCE, BSM_DEVICE_CPU};
enum { NUM_DEVICES = sizeof devices / sizeof *devices };

/* Return a configuration in which no size is a multiple of a vector's. */
static bsm_config small_config(void)
{
    return odd_config(12, 9);
}

typedef struct fixture {
    bsm_config config;
    bsm_model *model;
    size_t frames, numbers;
    float *samples, *window, *stream;
} fixture;

static fixture open_fixture(const bsm_config *config, size_t frames)
{
    fixture f = {.config = *config, .frames = frames};
    f.model = open_config(config);
    f.numbers = config->channels * covered(config, frames);
    f.samples = noise_samples(config, frames, 7);
    f.window = new_samples(config, frames);
    f.stream = new_samples(config, frames);
    return f;
}

static void close_fixture(fixture *f)
{
    bsm_model_free(f->model);
    free(f->samples);
    free(f->window);
    free(f->stream);
}

/* Test fewer shapes with sanitizers, which are slow. */
static bool brief;

static void test_committing_all_is_the_window(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    const size_t most = brief ? 100 : 300;
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        for (size_t frames = 1; frames < most; frames = frames * 3 + 1) {
            fixture f = open_fixture(&config, frames);
            bsm_network *network = open_network(f.model, devices[d], 2, frames);
            run_window(network, f.samples, frames, f.window);
            run_stream(network, f.samples, frames, frames, 0, f.stream);
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
        run_window(network, f.samples, FRAMES, f.window);
        for (size_t commit = 1; commit < FRAMES; commit = commit * 2 + 3) {
            run_stream(network, f.samples, FRAMES, commit, FRAMES, f.stream);
            assert_true(golden_relative_error(f.stream, f.window, f.numbers) < 1e-5);
        }
        bsm_network_free(network);
        close_fixture(&f);
    }
}

/* Without look-ahead, what follows a block must not change it. */
static void test_the_future_does_not_matter_without_lookahead(void **unused)
{
    (void)unused;
    bsm_config config = small_config();
    enum { FRAMES = 90, COMMIT = 30, CHANGED = 60 };
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        fixture f = open_fixture(&config, FRAMES);
        bsm_network *network = open_network(f.model, devices[d], 2, FRAMES);
        run_stream(network, f.samples, FRAMES, COMMIT, 0, f.window);
        for (size_t c = 0; c < config.channels; c++) { /* clear what only later frames cover */
            const size_t plane = covered(&config, FRAMES), seen = covered(&config, CHANGED);
            memset(f.samples + c * plane + seen, 0, (plane - seen) * sizeof(float));
        }
        run_stream(network, f.samples, FRAMES, COMMIT, 0, f.stream);
        const size_t kept = CHANGED * config.hop; /* no later frame is added to these */
        assert_memory_equal(f.stream, f.window, kept * sizeof(float));
        assert_memory_not_equal(f.stream + kept, f.window + kept,
                                (covered(&config, FRAMES) - kept) * sizeof(float));
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
        const bsm_block block = {.frames = COMMIT, .wanted = COMMIT, .commit = COMMIT};
        run_stream(network, f.samples, FRAMES, COMMIT, 0, f.window);

        float *other = new_samples(&config, FRAMES);
        bsm_network_reset(network);
        assert_int_equal(run_block(network, f.samples, FRAMES, 0, block, f.stream, NULL), BSM_OK);
        run_window(network, f.samples, FRAMES, other);
        assert_int_equal(run_block(network, f.samples, FRAMES, COMMIT, block, f.stream, NULL),
                         BSM_OK);
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
        for (size_t threads = 1; threads <= 7; threads += brief ? 3 : 1) {
            bsm_network *network = open_network(f.model, devices[d], threads, FRAMES);
            run_window(network, f.samples, FRAMES, threads == 1 ? f.window : f.stream);
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
    c.num_bands = noise_size(seed, 1, 80); /* sometimes more than one chunk along the bands, too */
    for (size_t k = 0; k < c.num_bands; k++) {
        c.bands[k] = noise_size(seed, 1, 6);
    }
    if (c.num_bands == 1 && c.bands[0] == 1) {
        c.bands[0]++;
    }
    set_transform(&c);
    return c;
}

/* Run every stem of a block at the start of the samples. */
static void run_all_stems(bsm_network *network, const fixture *f, size_t commit, float *const *out)
{
    bsm_error error = {0};
    const size_t plane = covered(&f->config, f->frames);
    const float *audio[BSM_MAX_CHANNELS];
    float *planes[BSM_MAX_STEMS][BSM_MAX_CHANNELS];
    float *const *stems[BSM_MAX_STEMS] = {NULL};
    for (size_t c = 0; c < f->config.channels; c++) {
        audio[c] = f->samples + c * plane;
        for (size_t s = 0; s < f->config.num_stems; s++) {
            planes[s][c] = out[s] + c * plane;
            stems[s] = planes[s];
        }
    }
    const bsm_block block = {.frames = f->frames,
                             .wanted = commit ? commit : f->frames,
                             .commit = commit,
                             .audio = audio,
                             .stems = stems};
    if (bsm_network_run(network, &block, &error)) {
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
            out[d][s] = new_samples(config, frames);
        }
        /* the second block has a state from the first */
        for (int block = 0; block < (commit ? 2 : 1); block++) {
            run_all_stems(networks[d], &f, commit, out[d]);
        }
        bsm_network_free(networks[d]);
    }
    for (size_t s = 0; s < config->num_stems; s++) {
        double error = golden_relative_error(out[1][s], out[0][s], f.numbers);
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
    for (int i = 0; i < (brief ? 12 : 60); i++) {
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
    bsm_network_options gpu = {.device = BSM_DEVICE_CUDA, .max_frames = 10};
    assert_int_equal(bsm_network_new(f.model, &gpu, &network, &error), BSM_NO_DEVICE);
    assert_null(network);

    bsm_network_options fixed = {.device = BSM_DEVICE_CPU, .max_frames = 10};
    assert_int_equal(bsm_network_new(f.model, &fixed, &network, &error), BSM_OK);
    const bsm_block bad[] = {
        {.frames = 0, .wanted = 0},
        {.frames = 11, .wanted = 11},
        {.frames = 3, .wanted = 4},
        {.frames = 3, .wanted = 2, .first = 2},
        {.frames = 3, .wanted = 3, .shared = 4},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(run_block(network, f.samples, 10, 0, bad[i], f.window, &error),
                         BSM_INVALID_ARGUMENT);
    }
    const bsm_block stream = {.frames = 10, .wanted = 5, .commit = 5};
    assert_int_equal(run_block(network, f.samples, 10, 0, stream, f.window, &error),
                     BSM_INVALID_ARGUMENT); /* not made for streaming */
    bsm_network_free(network);

    network = open_network(f.model, BSM_DEVICE_CPU, 1, 10);
    const bsm_block part = {.frames = 10, .wanted = 5, .commit = 4};
    assert_int_equal(run_block(network, f.samples, 10, 0, part, f.window, &error),
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
    const bsm_block block = {.frames = 10, .wanted = 10};
    bsm_network_observe(network, stop_in_the_first_layer, &calls);
    assert_int_equal(run_block(network, f.samples, 10, 0, block, f.window, NULL), BSM_CANCELLED);
    assert_int_equal(calls, 3);
    bsm_network_observe(network, NULL, NULL);
    assert_int_equal(run_block(network, f.samples, 10, 0, block, f.window, NULL), BSM_OK);
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

/* Usage: test_network [brief] */
int main(int argc, char **argv)
{
    (void)argv;
    brief = argc > 1;
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
