/* SPDX-License-Identifier: ISC */
/* The CUDA device around its modules, its card played by the host: calls are recorded and played,
 * what cannot be recorded is done directly, and a card that is missing, too small or failing at any
 * of its operations hands over to the CPU without a difference in the stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/log.h"
#include "device.h"
#include "golden.h"
#include "net/place.h"
#include "noise.h"
#include "played_card.h"

enum { FRAMES = 9, COMMIT = 4, CALLS = 7 };

typedef struct fixture {
    bsm_config config;
    bsm_model *model;
    size_t features;
    float *spectrum, *expected, *actual;
} fixture;

static char last_line[512];
static size_t lines;

static void take_line(void *user, const char *line)
{
    (void)user;
    lines++;
    bsm_format_line(last_line, sizeof last_line, "%s", line);
}

static fixture open_fixture(void)
{
    fixture f = {.config = {.dim = 6,
                            .depth = 1,
                            .expand = 2,
                            .headdim = 4,
                            .d_state = 3,
                            .d_conv = 3,
                            .mask_expansion = 2,
                            .num_bands = 3,
                            .bands = {1, 2, 6},
                            .n_fft = 16,
                            .hop = 5,
                            .sample_rate = 8000,
                            .channels = 2,
                            .num_stems = 1,
                            .stems = {"vocals"},
                            .segment = 1}};
    bsm_error error = {0};
    if (bsm_model_new_untrained(&f.config, &f.model, &error)) {
        fail_msg("%s", error.message);
    }
    f.features = bsm_config_features(&f.config);
    f.spectrum = malloc((FRAMES + CALLS * COMMIT) * f.features * sizeof *f.spectrum);
    f.expected = calloc(CALLS * COMMIT * f.features, sizeof *f.expected);
    f.actual = calloc(CALLS * COMMIT * f.features, sizeof *f.actual);
    assert_true(f.spectrum && f.expected && f.actual);
    uint64_t seed = 3;
    noise_fill(&seed, f.spectrum, (FRAMES + CALLS * COMMIT) * f.features);
    memset(&the_played_card, 0, sizeof the_played_card);
    bsm_log_set_handler(take_line, NULL);
    lines = 0;
    return f;
}

static void close_fixture(fixture *f)
{
    bsm_model_free(f->model);
    free(f->spectrum);
    free(f->expected);
    free(f->actual);
    bsm_log_set_handler(NULL, NULL);
    assert_int_equal(the_played_card.used, 0);
}

static bsm_network *open_on(const fixture *f, const bsm_device *device, const bsm_device *fallback)
{
    bsm_network_options options = {.threads = 1, .max_frames = FRAMES, .streaming = true};
    bsm_network *network = NULL;
    bsm_error error = {0};
    if (bsm_network_new_on(device, fallback, f->model, &options, &network, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

static bsm_status stream(const fixture *f, bsm_network *network, float *out, bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t call = 0; call < CALLS && !status; call++) {
        size_t at = call * COMMIT * f->features;
        float *stems[1] = {out + at};
        status = bsm_network_stream(network, f->spectrum + at, FRAMES, COMMIT, stems, error);
    }
    return status;
}

static void expect_stream(const fixture *f)
{
    bsm_network *network = open_on(f, &bsm_reference_device, NULL);
    assert_int_equal(stream(f, network, f->expected, NULL), BSM_OK);
    bsm_network_free(network);
}

static void check_stream(const fixture *f, bsm_network *network)
{
    bsm_error error = {0};
    if (stream(f, network, f->actual, &error)) {
        fail_msg("%s", error.message);
    }
    double off = golden_relative_error(f->actual, f->expected, CALLS * COMMIT * f->features);
    if (!(off < 2e-6)) {
        fail_msg("off by %g", off);
    }
}

static void test_calls_are_recorded_once(void **unused)
{
    (void)unused;
    fixture f = open_fixture();
    expect_stream(&f);
    bsm_network *network = open_on(&f, &bsm_cuda_device, NULL);
    check_stream(&f, network);
    assert_int_equal(the_played_card.recordings, 1);
    assert_int_equal(the_played_card.plays, CALLS - 1);
    bsm_network_reset(network);
    check_stream(&f, network);
    assert_int_equal(the_played_card.recordings, 1);
    bsm_network_free(network);
    close_fixture(&f);
}

static void test_more_shapes_than_are_remembered(void **unused)
{
    (void)unused;
    fixture f = open_fixture();
    bsm_network *network = open_on(&f, &bsm_cuda_device, NULL);
    bsm_network *expected = open_on(&f, &bsm_reference_device, NULL);
    for (size_t round = 0; round < 3; round++) {
        for (size_t frames = 1; frames <= FRAMES; frames++) {
            for (size_t again = 0; again < 3; again++) {
                float *stems[1] = {f.actual}, *right[1] = {f.expected};
                assert_int_equal(bsm_network_forward(network, f.spectrum, frames, stems, NULL), 0);
                assert_int_equal(bsm_network_forward(expected, f.spectrum, frames, right, NULL), 0);
                assert_true(golden_relative_error(f.actual, f.expected, frames * f.features) <
                            2e-6);
            }
        }
    }
    bsm_network_free(network);
    bsm_network_free(expected);
    close_fixture(&f);
}

static void test_what_cannot_be_recorded_is_done_directly(void **unused)
{
    (void)unused;
    fixture f = open_fixture();
    expect_stream(&f);
    the_played_card.no_recordings = true;
    bsm_network *network = open_on(&f, &bsm_cuda_device, NULL);
    check_stream(&f, network);
    assert_int_equal(the_played_card.plays, 0);
    bsm_network_free(network);
    close_fixture(&f);
}

static bool read_features(void *user, bsm_module module, size_t layer)
{
    (void)layer;
    float features[3 * FRAMES * 6];
    bsm_network_read_features(user, features);
    assert_true(module == BSM_MODULE_MASK || features[0] == features[0]);
    return true;
}

static void test_an_observer_sees_each_module(void **unused)
{
    (void)unused;
    fixture f = open_fixture();
    expect_stream(&f);
    bsm_network *network = open_on(&f, &bsm_cuda_device, NULL);
    bsm_network_observe(network, read_features, network);
    check_stream(&f, network);
    assert_int_equal(the_played_card.recordings, 0);
    bsm_network_free(network);
    close_fixture(&f);
}

/* ---- Failures ---- */

static void test_without_a_card(void **unused)
{
    (void)unused;
    fixture f = open_fixture();
    expect_stream(&f);
    the_played_card.missing = true;
    bsm_network *network = open_on(&f, &bsm_cuda_device, &bsm_cpu_device);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last_line, "no card to play; going on on cpu"));
    assert_string_equal(bsm_network_note(network), last_line);
    check_stream(&f, network);
    bsm_network_free(network);
    close_fixture(&f);
}

static void test_without_memory(void **unused)
{
    (void)unused;
    fixture f = open_fixture();
    expect_stream(&f);
    the_played_card.memory = 100000;
    bsm_network *network = open_on(&f, &bsm_cuda_device, &bsm_cpu_device);
    assert_non_null(strstr(last_line, "no memory for windows of 9 frames"));
    assert_int_equal(the_played_card.used, 0);
    check_stream(&f, network);
    bsm_network_free(network);

    bsm_network_options options = {.threads = 1, .max_frames = FRAMES};
    bsm_error error = {0};
    assert_int_equal(
        bsm_network_new_on(&bsm_cuda_device, NULL, f.model, &options, &network, &error),
        BSM_NO_MEMORY);
    close_fixture(&f);
}

/* Each operation in turn, of every call: the first, the one that is recorded, those that are
 * played. */
static void test_failing_anywhere(void **unused)
{
    (void)unused;
    fixture f = open_fixture();
    expect_stream(&f);
    bsm_network *network = open_on(&f, &bsm_cuda_device, NULL);
    size_t opening = the_played_card.operations;
    check_stream(&f, network);
    size_t operations = the_played_card.operations;
    bsm_network_free(network);
    assert_true(operations > opening + 50);
    for (size_t at = opening + 1; at <= operations; at++) {
        memset(&the_played_card, 0, sizeof the_played_card);
        lines = 0;
        the_played_card.fail_at = at;
        network = open_on(&f, &bsm_cuda_device, &bsm_cpu_device);
        check_stream(&f, network);
        assert_int_equal(lines, 1);
        assert_non_null(strstr(bsm_network_device_name(network), "cpu"));
        bsm_network_free(network);
        assert_int_equal(the_played_card.used, 0);
    }
    close_fixture(&f);
}

static void test_failing_without_a_fallback(void **unused)
{
    (void)unused;
    fixture f = open_fixture();
    bsm_network *network = open_on(&f, &bsm_cuda_device, NULL);
    the_played_card.fail_at = the_played_card.operations + 20;
    bsm_error error = {0};
    assert_int_equal(stream(&f, network, f.actual, &error), BSM_DEVICE_FAILED);
    assert_string_equal(error.message, "cuda: the played card fails");
    bsm_network_free(network);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_recorded_once),
        cmocka_unit_test(test_more_shapes_than_are_remembered),
        cmocka_unit_test(test_what_cannot_be_recorded_is_done_directly),
        cmocka_unit_test(test_an_observer_sees_each_module),
        cmocka_unit_test(test_without_a_card),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_failing_anywhere),
        cmocka_unit_test(test_failing_without_a_fallback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
