/* SPDX-License-Identifier: ISC */
/* If the device of a network fails at some call, the network continues on another device without
 * any consequence: tests windows, streams, streams longer than what is remembered of them, and the
 * histories that make this possible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocks.h"
#include "bsm/log.h"
#include "net/history.h"
#include "net/place.h"

/* ---- A device that fails: the reference until then ---- */

static struct {
    size_t calls, fail_at; /* modules run so far, and the one that fails; 0: none */
    bsm_status status;
    bool cannot_open;
} fake;

static bsm_status count_call(bsm_error *error)
{
    return ++fake.calls == fake.fail_at ? bsm_fail(error, fake.status, "fake: it burns") : BSM_OK;
}

static void fake_describe(char *text, size_t size)
{
    bsm_format_line(text, size, "fake device");
}

static bsm_status fake_workspace_new(const void *weights, const bsm_workspace_options *options,
                                     void **workspace, bsm_error *error)
{
    return fake.cannot_open
               ? bsm_fail(error, BSM_NO_MEMORY, "fake: it is full")
               : bsm_reference_device.workspace_new(weights, options, workspace, error);
}

static bsm_status fake_band_split(void *workspace, const float *spectrum, size_t frames,
                                  bsm_error *error)
{
    bsm_status status = count_call(error);
    return status ? status : bsm_reference_device.band_split(workspace, spectrum, frames, error);
}

static bsm_status fake_time_path(void *workspace, size_t layer, const bsm_block *block,
                                 bsm_error *error)
{
    bsm_status status = count_call(error);
    return status ? status : bsm_reference_device.time_path(workspace, layer, block, error);
}

static bsm_status fake_mask(void *workspace, size_t stem, const bsm_block *block,
                            const float *spectrum, float *masked, bsm_error *error)
{
    bsm_status status = count_call(error);
    return status ? status
                  : bsm_reference_device.mask(workspace, stem, block, spectrum, masked, error);
}

static bsm_device fake_device(void)
{
    bsm_device device = bsm_reference_device;
    device.describe = fake_describe;
    device.workspace_new = fake_workspace_new;
    device.band_split = fake_band_split;
    device.time_path = fake_time_path;
    device.mask = fake_mask;
    return device;
}

/* ---- Networks on it ---- */

enum { FRAMES = 40, COMMIT = 3, LOOKAHEAD = 2, LONGEST = COMMIT + LOOKAHEAD, LAYERS = 2, HOP = 8 };

static const bsm_block window = {.frames = LONGEST, .wanted = LONGEST};

typedef struct fixture {
    bsm_model *model;
    bsm_rolling rolling; /* of its streams */
    bsm_device device;
    size_t numbers; /* number of samples that all frames cover */
    float *samples, *expected, *actual;
} fixture;

static size_t lines;
static char last_line[512];

static void take_line(void *user, const char *line)
{
    (void)user;
    lines++;
    bsm_format_line(last_line, sizeof last_line, "%s", line);
}

/* Open a network; `segment`, in frames, is how much of a stream is remembered. */
static fixture open_fixture(size_t segment)
{
    bsm_config config = {.dim = 6,
                         .depth = LAYERS,
                         .expand = 2,
                         .headdim = 4,
                         .d_state = 3,
                         .d_conv = 3,
                         .mask_expansion = 2,
                         .num_bands = 3,
                         .bands = {1, 2, 6},
                         .n_fft = 16,
                         .hop = HOP,
                         .sample_rate = 8000,
                         .channels = 1,
                         .num_stems = 1,
                         .stems = {"vocals"},
                         .segment = (double)segment * HOP / 8000};
    fixture f = {.model = open_config(&config), .device = fake_device()};
    f.numbers = covered(&config, FRAMES);
    f.samples = noise_samples(&config, FRAMES, 7);
    f.expected = new_samples(&config, FRAMES);
    f.actual = new_samples(&config, FRAMES);
    memset(&fake, 0, sizeof fake);
    fake.status = BSM_DEVICE_FAILED;
    lines = 0;
    bsm_log_set_handler(take_line, NULL);
    return f;
}

static void close_fixture(fixture *f)
{
    bsm_model_free(f->model);
    free(f->samples);
    free(f->expected);
    free(f->actual);
    bsm_log_set_handler(NULL, NULL);
}

static bsm_network *open_on(const fixture *f, const bsm_device *device, const bsm_device *fallback)
{
    bsm_network_options options = {
        .threads = 1, .max_frames = LONGEST, .streaming = true, .rolling = f->rolling};
    bsm_network *network = NULL;
    bsm_error error = {0};
    if (bsm_network_new_on(device, fallback, f->model, &options, &network, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

static void expect_stream(const fixture *f)
{
    bsm_network *network = open_on(f, &bsm_reference_device, NULL);
    run_stream(network, f->samples, FRAMES, COMMIT, LOOKAHEAD, f->expected);
    bsm_network_free(network);
}

static double stream_with_failure(const fixture *f, size_t fail_at)
{
    fake.calls = 0;
    fake.fail_at = fail_at;
    bsm_network *network = open_on(f, &f->device, &bsm_reference_device);
    run_stream(network, f->samples, FRAMES, COMMIT, LOOKAHEAD, f->actual);
    assert_non_null(strstr(bsm_network_device_name(network), "reference"));
    assert_non_null(strstr(bsm_network_note(network), "fake: it burns; going on on reference"));
    bsm_network_free(network);
    return golden_relative_error(f->actual, f->expected, f->numbers);
}

static void test_a_stream_goes_on(void **unused)
{
    (void)unused;
    fixture f = open_fixture(FRAMES);
    expect_stream(&f);
    size_t modules = (FRAMES + COMMIT - 1) / COMMIT * (LAYERS + 2);
    for (size_t at = 1; at <= modules; at++) {
        lines = 0;
        /* the device computes with the reference's functions, so nothing differs */
        assert_true(stream_with_failure(&f, at) == 0);
        assert_int_equal(lines, 1);
    }
    close_fixture(&f);
}

/* The new state starts from zero some blocks earlier: the result is close to the expected one, but
 * not equal. */
static void test_a_long_stream_goes_on_from_its_last_segment(void **unused)
{
    (void)unused;
    fixture f = open_fixture(8);
    expect_stream(&f);
    size_t block = FRAMES / COMMIT - 1;
    double off = stream_with_failure(&f, block * (LAYERS + 2) + 1);
    assert_true(off > 0 && off < 0.05);
    assert_memory_equal(f.actual, f.expected, block * COMMIT * HOP * sizeof(float));
    close_fixture(&f);
}

/* Both states are restored, each from everything that it had seen. */
static void test_rolling_memory_goes_on(void **unused)
{
    (void)unused;
    fixture f = open_fixture(FRAMES);
    f.rolling = (bsm_rolling){.segment = 14, .warmup = 4};
    expect_stream(&f);
    bsm_network *network = open_on(&f, &f.device, NULL);
    run_stream(network, f.samples, FRAMES, COMMIT, LOOKAHEAD, f.actual);
    bsm_network_free(network);
    const size_t modules = fake.calls;
    assert_true(modules > (FRAMES + COMMIT - 1) / COMMIT * (LAYERS + 2));
    for (size_t at = 1; at <= modules; at++) {
        assert_true(stream_with_failure(&f, at) == 0);
    }
    close_fixture(&f);
}

static void test_a_window_is_done_again(void **unused)
{
    (void)unused;
    fixture f = open_fixture(FRAMES);
    bsm_network *right = open_on(&f, &bsm_reference_device, NULL);
    run_window(right, f.samples, LONGEST, f.expected);
    for (fake.fail_at = 1; fake.fail_at <= LAYERS + 2; fake.fail_at++) {
        fake.calls = 0;
        bsm_network *network = open_on(&f, &f.device, &bsm_reference_device);
        run_window(network, f.samples, LONGEST, f.actual);
        assert_memory_equal(f.actual, f.expected, f.numbers * sizeof(float));
        bsm_network_free(network);
    }
    bsm_network_free(right);
    close_fixture(&f);
}

/* If a window fails between blocks, the stream moves to the other device, too. */
static void test_a_window_that_fails_keeps_the_stream(void **unused)
{
    (void)unused;
    fixture f = open_fixture(FRAMES);
    const bsm_block block = {.frames = LONGEST, .wanted = COMMIT, .commit = COMMIT};
    bsm_network *networks[2] = {open_on(&f, &bsm_reference_device, NULL),
                                open_on(&f, &f.device, &bsm_reference_device)};
    float *out[2] = {f.expected, f.actual};
    fake.fail_at = 3 * (LAYERS + 2) + 1;
    for (size_t n = 0; n < 2; n++) {
        for (size_t b = 0; b < 6; b++) {
            assert_int_equal(
                run_block(networks[n], f.samples, FRAMES, b * COMMIT, block, out[n], NULL), BSM_OK);
            if (b == 2) {
                assert_int_equal(run_block(networks[n], f.samples, FRAMES, FRAMES - LONGEST, window,
                                           out[n], NULL),
                                 BSM_OK);
            }
        }
        bsm_network_free(networks[n]);
    }
    assert_int_equal(lines, 1);
    assert_memory_equal(f.actual, f.expected, f.numbers * sizeof(float));
    close_fixture(&f);
}

static void test_a_reset_is_no_past(void **unused)
{
    (void)unused;
    fixture f = open_fixture(FRAMES);
    expect_stream(&f);
    bsm_network *network = open_on(&f, &f.device, &bsm_reference_device);
    run_stream(network, f.samples, FRAMES, COMMIT, LOOKAHEAD, f.actual);
    fake.fail_at = fake.calls + 10;
    /* this resets the network first */
    run_stream(network, f.samples, FRAMES, COMMIT, LOOKAHEAD, f.actual);
    assert_memory_equal(f.actual, f.expected, f.numbers * sizeof(float));
    assert_int_equal(lines, 1);
    bsm_network_free(network);
    close_fixture(&f);
}

/* ---- What is an error ---- */

static void test_without_a_fallback_it_is_an_error(void **unused)
{
    (void)unused;
    fixture f = open_fixture(FRAMES);
    fake.fail_at = 2;
    bsm_network *network = open_on(&f, &f.device, NULL);
    bsm_error error = {0};
    assert_int_equal(run_block(network, f.samples, FRAMES, 0, window, f.actual, &error),
                     BSM_DEVICE_FAILED);
    assert_string_equal(error.message, "fake: it burns");
    assert_string_equal(bsm_network_note(network), "");
    bsm_network_free(network);

    fake.cannot_open = true;
    bsm_network_options options = {.threads = 1, .max_frames = LONGEST};
    assert_int_equal(bsm_network_new_on(&f.device, NULL, f.model, &options, &network, &error),
                     BSM_NO_MEMORY);
    assert_int_equal(lines, 0);
    close_fixture(&f);
}

static void test_bad_arguments_are_no_fault_of_the_device(void **unused)
{
    (void)unused;
    fixture f = open_fixture(FRAMES);
    bsm_network *network = open_on(&f, &f.device, &bsm_reference_device);
    const bsm_block longer = {.frames = LONGEST + 1, .wanted = LONGEST + 1};
    assert_int_equal(run_block(network, f.samples, FRAMES, 0, longer, f.actual, NULL),
                     BSM_INVALID_ARGUMENT);
    fake.status = BSM_CANCELLED;
    fake.fail_at = fake.calls + 1;
    assert_int_equal(run_block(network, f.samples, FRAMES, 0, window, f.actual, NULL),
                     BSM_CANCELLED);
    assert_string_equal(bsm_network_device_name(network), "fake device");
    bsm_network_free(network);
    close_fixture(&f);
}

static void test_what_cannot_be_opened(void **unused)
{
    (void)unused;
    fixture f = open_fixture(FRAMES);
    expect_stream(&f);
    fake.cannot_open = true;
    bsm_network *network = open_on(&f, &f.device, &bsm_reference_device);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last_line, "fake: it is full"));
    run_stream(network, f.samples, FRAMES, COMMIT, LOOKAHEAD, f.actual);
    assert_memory_equal(f.actual, f.expected, f.numbers * sizeof(float));
    bsm_network_free(network);
    close_fixture(&f);
}

/* ---- Histories ---- */

static void test_history_keeps_what_it_must(void **unused)
{
    (void)unused;
    enum { KEPT = 7, TOTAL = 500, MOST = 4 };
    static const bsm_config config = {.n_fft = 5, .hop = 2, .channels = 1};
    float samples[(TOTAL + MOST - 1) * 2 + 5];
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        samples[i] = (float)i;
    }
    bsm_history *history = NULL;
    assert_int_equal(bsm_history_new(&config, KEPT, MOST, &history, NULL), BSM_OK);
    size_t ends[TOTAL], added = 0;
    for (size_t t = 0; t < TOTAL;) {
        size_t commit = 1 + t % (MOST - 1), seen = MOST - t % 2 < commit ? commit : MOST - t % 2;
        const float *audio[1] = {samples + 2 * t};
        const bsm_block block = {.frames = seen, .commit = commit, .audio = audio};
        bsm_history_add(history, &block);
        t += commit;
        ends[added++] = t;
        size_t count = bsm_history_count(history), kept = 0;
        for (size_t b = 0; b < count; b++) {
            bsm_block past = bsm_history_at(history, b);
            size_t start = ends[added - count + b] - past.commit;
            assert_int_equal(past.wanted, past.commit);
            for (size_t i = 0; i < covered(&config, past.frames); i++) {
                assert_true(past.audio[0][i] == (float)(2 * start + i));
            }
            kept += past.commit;
        }
        assert_true(kept >= (t < KEPT ? t : KEPT));
    }
    bsm_history_clear(history);
    assert_int_equal(bsm_history_count(history), 0);
    bsm_history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_goes_on),
        cmocka_unit_test(test_a_long_stream_goes_on_from_its_last_segment),
        cmocka_unit_test(test_rolling_memory_goes_on),
        cmocka_unit_test(test_a_window_is_done_again),
        cmocka_unit_test(test_a_window_that_fails_keeps_the_stream),
        cmocka_unit_test(test_a_reset_is_no_past),
        cmocka_unit_test(test_without_a_fallback_it_is_an_error),
        cmocka_unit_test(test_bad_arguments_are_no_fault_of_the_device),
        cmocka_unit_test(test_what_cannot_be_opened),
        cmocka_unit_test(test_history_keeps_what_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
