/* SPDX-License-Identifier: ISC */
/* The published model's numbers, on each device: every stage of the tiny model, its five streams,
 * and waveforms of the paper's and the lighter model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spectra.h"

static const bsm_device_kind devices[] = {BSM_DEVICE_REFERENCE, BSM_DEVICE_CPU};
enum { NUM_DEVICES = sizeof devices / sizeof *devices };

static const double TOLERANCE = 1e-5;

typedef struct tiny_case {
    golden *file;
    bsm_model *model;
    const bsm_config *config;
    size_t frames;
    float *spectrum, *out;
    bsm_network *networks[NUM_DEVICES];
} tiny_case;

static int setup(void **state)
{
    tiny_case *tiny = calloc(1, sizeof *tiny);
    assert_non_null(tiny);
    tiny->file = golden_open("tiny.inference.thin.safetensors");
    tiny->model = open_preset("tiny");
    tiny->config = bsm_model_config(tiny->model);
    golden_tensor input = golden_find(tiny->file, "input");
    tiny->spectrum = spectrum_of(tiny->config, &input, &tiny->frames);
    tiny->out = new_spectrum(tiny->config, tiny->frames);
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        tiny->networks[d] = open_network(tiny->model, devices[d], 2, 200);
    }
    *state = tiny;
    return 0;
}

static int teardown(void **state)
{
    tiny_case *tiny = *state;
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        bsm_network_free(tiny->networks[d]);
    }
    bsm_model_free(tiny->model);
    golden_close(tiny->file);
    free(tiny->spectrum);
    free(tiny->out);
    free(tiny);
    return 0;
}

/* The golden layout is [channel][kept bin][frame][re, im], with every bin_step-th bin kept. */
static void check_spectrum(const tiny_case *tiny, const char *name, const float *spectrum)
{
    golden_tensor expected = golden_find(tiny->file, name);
    size_t step = (size_t)atoi(golden_metadata(tiny->file, "bin_step"));
    size_t kept = expected.shape[1], frames = expected.shape[2];
    float *actual = malloc(expected.count * sizeof *actual), *next = actual;
    assert_non_null(actual);
    for (size_t c = 0; c < expected.shape[0]; c++) {
        for (size_t bin = 0; bin < kept; bin++) {
            for (size_t t = 0; t < frames; t++) {
                size_t row = t * bsm_config_bins(tiny->config) + bin * step;
                memcpy(next, spectrum + (row * 2 + c) * 2, 2 * sizeof *next);
                next += 2;
            }
        }
    }
    double error = golden_relative_error(actual, expected.data, expected.count);
    free(actual);
    if (!(error < TOLERANCE)) {
        fail_msg("%s: relative error %g", name, error);
    }
}

static void test_stft(void **state)
{
    const tiny_case *tiny = *state;
    check_spectrum(tiny, "stft", tiny->spectrum);
}

/* What the network's features must be after some module. */
typedef struct stage_check {
    const tiny_case *tiny;
    bsm_network *network;
    size_t checked;
} stage_check;

static void check_features(const stage_check *check, const char *name)
{
    golden_tensor expected = golden_find(check->tiny->file, name); /* [frame][band][dim] */
    size_t frames = expected.shape[0], bands = expected.shape[1], dim = expected.shape[2];
    float *features = malloc(expected.count * sizeof *features);
    float *actual = malloc(expected.count * sizeof *actual);
    assert_non_null(features);
    assert_non_null(actual);
    bsm_network_read_features(check->network, features);
    for (size_t t = 0; t < frames; t++) {
        for (size_t k = 0; k < bands; k++) {
            memcpy(actual + (t * bands + k) * dim, features + (k * frames + t) * dim,
                   dim * sizeof *actual);
        }
    }
    double error = golden_relative_error(actual, expected.data, expected.count);
    free(features);
    free(actual);
    if (!(error < TOLERANCE)) {
        fail_msg("%s: relative error %g", name, error);
    }
}

static bool check_stage(void *user, bsm_module module, size_t layer)
{
    stage_check *check = user;
    char name[32];
    if (module == BSM_MODULE_BAND_SPLIT) {
        check_features(check, "band_features");
    } else if (module == BSM_MODULE_BAND_PATH) {
        snprintf(name, sizeof name, "layer%zu", layer);
        check_features(check, name);
    } else {
        return true;
    }
    check->checked++;
    return true;
}

static void test_stages(void **state)
{
    const tiny_case *tiny = *state;
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        stage_check check = {.tiny = tiny, .network = tiny->networks[d]};
        bsm_network_observe(tiny->networks[d], check_stage, &check);
        run_window(tiny->networks[d], tiny->spectrum, tiny->frames, tiny->out);
        bsm_network_observe(tiny->networks[d], NULL, NULL);
        assert_int_equal(check.checked, 3);
        check_spectrum(tiny, "masked_stft", tiny->out);
    }
}

/* The complex mask of a bin and channel is the masked spectrum divided by the mixture. */
static void test_mask(void **state)
{
    const tiny_case *tiny = *state;
    golden_tensor expected = golden_find(tiny->file, "mask"); /* [frame][kept bin][channel][2] */
    size_t step = (size_t)atoi(golden_metadata(tiny->file, "bin_step"));
    size_t kept = expected.shape[1] / 4;
    float *actual = malloc(expected.count * sizeof *actual);
    assert_non_null(actual);
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        run_window(tiny->networks[d], tiny->spectrum, tiny->frames, tiny->out);
        for (size_t i = 0; i < expected.count; i += 2) {
            size_t t = i / expected.shape[1], bin = i % expected.shape[1] / 4, c = i % 4 / 2;
            size_t at = ((t * bsm_config_bins(tiny->config) + bin * step) * 2 + c) * 2;
            double a = (double)tiny->spectrum[at], b = (double)tiny->spectrum[at + 1];
            double re = (double)tiny->out[at], im = (double)tiny->out[at + 1];
            double power = a * a + b * b;
            actual[i] = (float)((re * a + im * b) / power);
            actual[i + 1] = (float)((im * a - re * b) / power);
            /* at 0 Hz and at half the rate the mixture is real: its inverse is as exact */
        }
        assert_int_equal(kept, 257);
        assert_true(golden_relative_error(actual, expected.data, expected.count) < TOLERANCE);
    }
    free(actual);
}

static void test_output(void **state)
{
    const tiny_case *tiny = *state;
    golden_tensor expected = golden_find(tiny->file, "output");
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        run_window(tiny->networks[d], tiny->spectrum, tiny->frames, tiny->out);
        float *audio = waveform_of(tiny->config, tiny->out, tiny->frames, expected.shape[1]);
        assert_true(golden_relative_error(audio, expected.data, expected.count) < TOLERANCE);
        free(audio);
    }
}

static void test_streams(void **state)
{
    static const size_t cases[][2] = {{8, 0}, {8, 16}, {25, 25}, {1, 5}, {100, 100}};
    const tiny_case *tiny = *state;
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            char name[32];
            snprintf(name, sizeof name, "stream_c%zu_l%zu", cases[i][0], cases[i][1]);
            run_stream(tiny->networks[d], tiny->spectrum, tiny->frames, cases[i][0], cases[i][1],
                       tiny->out);
            check_spectrum(tiny, name, tiny->out);
        }
    }
}

/* Half a second through a large model, as a window and as a stream. */
static void check_large(const char *preset, bsm_device_kind device)
{
    char file_name[32];
    snprintf(file_name, sizeof file_name, "%s.safetensors", preset);
    golden *file = golden_open(file_name);
    bsm_model *model = open_preset(preset);
    const bsm_config *config = bsm_model_config(model);
    golden_tensor input = golden_find(file, "input");
    size_t frames, samples = input.shape[1];
    float *spectrum = spectrum_of(config, &input, &frames);
    float *out = new_spectrum(config, frames);
    bsm_network *network = open_network(model, device, 0, frames);

    for (int stream = 0; stream < 2; stream++) {
        golden_tensor expected = golden_find(file, stream ? "stream_c10_l10" : "output");
        if (stream) {
            run_stream(network, spectrum, frames, 10, 10, out);
        } else {
            run_window(network, spectrum, frames, out);
        }
        float *audio = waveform_of(config, out, frames, samples);
        double error = golden_relative_error(audio, expected.data, expected.count);
        print_message("%s %s on %s: relative error %.2g\n", preset, stream ? "stream" : "window",
                      bsm_network_device_name(network), error);
        assert_true(error < TOLERANCE);
        free(audio);
    }
    bsm_network_free(network);
    bsm_model_free(model);
    golden_close(file);
    free(spectrum);
    free(out);
}

static void test_lite_cpu(void **state)
{
    (void)state;
    check_large("lite", BSM_DEVICE_CPU);
}

static void test_paper_cpu(void **state)
{
    (void)state;
    check_large("paper", BSM_DEVICE_CPU);
}

/* In int8, on a large model: about 3 % off float32's result, which is 3e-7 off the golden one. */
static void test_paper_int8(void **state)
{
    (void)state;
    golden *file = golden_open("paper.safetensors");
    bsm_model *model = open_preset("paper");
    const bsm_config *config = bsm_model_config(model);
    golden_tensor input = golden_find(file, "input"), expected = golden_find(file, "output");
    size_t frames, samples = input.shape[1];
    float *spectrum = spectrum_of(config, &input, &frames);
    float *out = new_spectrum(config, frames);
    bsm_network *network = NULL;
    bsm_network_options options = {
        .device = BSM_DEVICE_CPU, .precision = BSM_PRECISION_INT8, .max_frames = frames};
    assert_int_equal(bsm_network_new(model, &options, &network, NULL), BSM_OK);
    run_window(network, spectrum, frames, out);
    float *audio = waveform_of(config, out, frames, samples);
    double error = golden_relative_error(audio, expected.data, expected.count);
    print_message("paper window on %s: relative error %.2g\n", bsm_network_device_name(network),
                  error);
    assert_true(error < 0.06);
    bsm_network_free(network);
    bsm_model_free(model);
    golden_close(file);
    free(spectrum);
    free(out);
    free(audio);
}

static void test_lite_reference(void **state)
{
    (void)state;
    check_large("lite", BSM_DEVICE_REFERENCE);
}

static void test_paper_reference(void **state)
{
    (void)state;
    check_large("paper", BSM_DEVICE_REFERENCE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tiny[] = {
        cmocka_unit_test(test_stft),   cmocka_unit_test(test_stages),  cmocka_unit_test(test_mask),
        cmocka_unit_test(test_output), cmocka_unit_test(test_streams),
    };
    const struct CMUnitTest large_cpu[] = {
        cmocka_unit_test(test_lite_cpu),
        cmocka_unit_test(test_paper_cpu),
        cmocka_unit_test(test_paper_int8),
    };
    const struct CMUnitTest large_reference[] = {
        cmocka_unit_test(test_lite_reference),
        cmocka_unit_test(test_paper_reference),
    };
    const char *part = argc > 1 ? argv[1] : "";
    if (argc > 2) {
        cmocka_set_test_filter(argv[2]);
    }
    if (!strcmp(part, "tiny")) {
        return cmocka_run_group_tests(tiny, setup, teardown);
    }
    if (!strcmp(part, "large-cpu")) {
        return cmocka_run_group_tests(large_cpu, NULL, NULL);
    }
    if (!strcmp(part, "large-reference")) {
        return cmocka_run_group_tests(large_reference, NULL, NULL);
    }
    return 2;
}
