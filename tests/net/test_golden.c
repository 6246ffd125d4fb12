/* SPDX-License-Identifier: ISC */
/* Compares each device with the numbers of the published model: every stage of the tiny model, its
 * five streams, and waveforms of the paper's model and the lite one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocks.h"
#include "bsm/stft.h"
#include "separate/separation.h"
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
    spectral_model devices[NUM_DEVICES];
} tiny_case;

static float *spectrum_of(const bsm_config *config, const golden_tensor *audio, size_t *frames)
{
    bsm_stft *stft = NULL;
    const size_t samples = audio->shape[1];
    const float *channels[2] = {audio->data, audio->data + samples};
    assert_int_equal(bsm_stft_new(config->n_fft, config->hop, config->channels, &stft, NULL),
                     BSM_OK);
    *frames = bsm_stft_frames(stft, samples);
    float *spectrum = calloc(*frames * bsm_config_features(config), sizeof *spectrum);
    assert_non_null(spectrum);
    bsm_stft_forward(stft, channels, samples, spectrum);
    bsm_stft_free(stft);
    return spectrum;
}

static int setup(void **state)
{
    tiny_case *tiny = calloc(1, sizeof *tiny);
    assert_non_null(tiny);
    tiny->file = golden_open("tiny.inference.thin.safetensors");
    tiny->model = open_preset("tiny");
    tiny->config = bsm_model_config(tiny->model);
    golden_tensor input = golden_find(tiny->file, "input");
    tiny->spectrum = spectrum_of(tiny->config, &input, &tiny->frames);
    tiny->out = calloc(tiny->frames * bsm_config_features(tiny->config), sizeof *tiny->out);
    assert_non_null(tiny->out);
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        tiny->devices[d] = open_spectral(devices[d], tiny->model, 200);
    }
    *state = tiny;
    return 0;
}

static int teardown(void **state)
{
    tiny_case *tiny = *state;
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        close_spectral(&tiny->devices[d]);
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

/* The features that are expected after the band split or a layer. */
typedef struct stage_check {
    const tiny_case *tiny;
    size_t checked;
} stage_check;

static void check_stage(void *user, const spectral_model *spectral, size_t layer)
{
    stage_check *check = user;
    char name[32];
    snprintf(name, sizeof name, "layer%zu", layer - 1);
    golden_tensor expected = /* [frame][band][dim] */
        golden_find(check->tiny->file, layer ? name : "band_features");
    size_t frames = expected.shape[0], bands = expected.shape[1], dim = expected.shape[2];
    float *features = malloc(expected.count * sizeof *features);
    float *actual = malloc(expected.count * sizeof *actual);
    assert_non_null(features);
    assert_non_null(actual);
    spectral->place.device->read_features(spectral->place.workspace, frames, features);
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
        fail_msg("%s: relative error %g", layer ? name : "band_features", error);
    }
    check->checked++;
}

static void run_tiny_window(const tiny_case *tiny, size_t device, layer_observer *observer,
                            void *user)
{
    const bsm_block window = {.frames = tiny->frames, .wanted = tiny->frames};
    run_spectra(&tiny->devices[device], tiny->spectrum, &window, 0, tiny->out, observer, user);
}

static void test_stages(void **state)
{
    const tiny_case *tiny = *state;
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        stage_check check = {.tiny = tiny};
        run_tiny_window(tiny, d, check_stage, &check);
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
        run_tiny_window(tiny, d, NULL, NULL);
        for (size_t i = 0; i < expected.count; i += 2) {
            size_t t = i / expected.shape[1], bin = i % expected.shape[1] / 4, c = i % 4 / 2;
            size_t at = ((t * bsm_config_bins(tiny->config) + bin * step) * 2 + c) * 2;
            double a = (double)tiny->spectrum[at], b = (double)tiny->spectrum[at + 1];
            double re = (double)tiny->out[at], im = (double)tiny->out[at + 1];
            double power = a * a + b * b;
            actual[i] = (float)((re * a + im * b) / power);
            actual[i + 1] = (float)((im * a - re * b) / power);
            /* at 0 Hz and at half the rate the mixture is real, and dividing by it is as exact */
        }
        assert_int_equal(kept, 257);
        assert_true(golden_relative_error(actual, expected.data, expected.count) < TOLERANCE);
    }
    free(actual);
}

static void test_streams(void **state)
{
    static const size_t cases[][2] = {{8, 0}, {8, 16}, {25, 25}, {1, 5}, {100, 100}};
    const tiny_case *tiny = *state;
    const size_t features = bsm_config_features(tiny->config);
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        const bsm_place *place = &tiny->devices[d].place;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const size_t commit = cases[i][0], lookahead = cases[i][1];
            char name[32];
            snprintf(name, sizeof name, "stream_c%zu_l%zu", commit, lookahead);
            place->device->reset(place->workspace);
            for (size_t t = 0; t < tiny->frames; t += commit) {
                const size_t left = tiny->frames - t;
                bsm_block block = {.frames = commit + lookahead < left ? commit + lookahead : left};
                block.wanted = block.commit = commit < left ? commit : left;
                run_spectra(&tiny->devices[d], tiny->spectrum + t * features, &block, 0,
                            tiny->out + t * features, NULL, NULL);
            }
            check_spectrum(tiny, name, tiny->out);
        }
    }
}

/* ---- Waveforms ---- */

/* The input, and the position up to which it has been read. */
typedef struct input_reader {
    golden_tensor input;
    size_t position;
} input_reader;

static bsm_status read_input(void *user, float *const *audio, size_t count, size_t *got,
                             bsm_error *error)
{
    (void)error;
    input_reader *in = user;
    const size_t samples = in->input.shape[1], left = samples - in->position;
    *got = count < left ? count : left;
    for (size_t c = 0; c < 2; c++) {
        memcpy(audio[c], in->input.data + c * samples + in->position, *got * sizeof(float));
    }
    in->position += *got;
    return BSM_OK;
}

/* Return the error of a network for the file's input, in blocks; if `shape` is NULL, as a
 * window. */
static double off_by(golden *file, const char *tensor, bsm_network *network,
                     const bsm_block_shape *shape)
{
    golden_tensor expected = golden_find(file, tensor);
    input_reader in = {.input = golden_find(file, "input")};
    const bsm_config *config = bsm_model_config(bsm_network_model(network));
    const size_t samples = in.input.shape[1];
    const bsm_separation separation = {.config = config,
                                       .separator = bsm_separator_of_network(network),
                                       .signal = {&in, read_input},
                                       .lanes = 1,
                                       .wanted = {true}};
    float *out = malloc(expected.count * sizeof *out);
    assert_non_null(out);
    float *const channels[2] = {out, out + samples};
    if (shape) {
        bsm_blocks *blocks = NULL;
        float *const *audio = NULL;
        assert_int_equal(bsm_blocks_new(&separation, shape, &blocks, NULL), BSM_OK);
        for (size_t done = 0, count = 1; count > 0; done += count) {
            assert_int_equal(bsm_blocks_next(blocks, &audio, &count, NULL), BSM_OK);
            memcpy(channels[0] + done, audio[0], count * sizeof(float));
            memcpy(channels[1] + done, audio[1], count * sizeof(float));
        }
        bsm_blocks_free(blocks);
    } else {
        const float *input[2] = {in.input.data, in.input.data + samples};
        bsm_window *window = NULL;
        assert_int_equal(bsm_window_new(&separation, samples, &window, NULL), BSM_OK);
        assert_int_equal(bsm_window_separate(window, input, NULL), BSM_OK);
        bsm_window_take(window, 0, 0, samples, channels);
        bsm_window_free(window);
    }
    const double error = golden_relative_error(out, expected.data, expected.count);
    print_message("%s on %s: relative error %.2g\n", tensor, bsm_network_device_name(network),
                  error);
    free(out);
    return error;
}

static void test_output(void **state)
{
    const tiny_case *tiny = *state;
    for (size_t d = 0; d < NUM_DEVICES; d++) {
        bsm_network *network = open_network(tiny->model, devices[d], 2, tiny->frames);
        assert_true(off_by(tiny->file, "output", network, NULL) < TOLERANCE);
        bsm_network_free(network);
    }
}

static bsm_network *open_large(bsm_model *model, golden *file, bsm_device_kind device,
                               bsm_precision precision)
{
    const bsm_config *config = bsm_model_config(model);
    const bsm_network_options options = {.device = device,
                                         .precision = precision,
                                         .max_frames =
                                             1 + golden_find(file, "input").shape[1] / config->hop,
                                         .streaming = precision == BSM_PRECISION_FLOAT32};
    bsm_network *network = NULL;
    assert_int_equal(bsm_network_new(model, &options, &network, NULL), BSM_OK);
    return network;
}

/* Check half a second through a large model, as a window and as a stream. */
static void check_large(const char *preset, bsm_device_kind device)
{
    static const bsm_block_shape stream = {.commit = 10, .lookahead = 10};
    char file_name[32];
    snprintf(file_name, sizeof file_name, "%s.safetensors", preset);
    golden *file = golden_open(file_name);
    bsm_model *model = open_preset(preset);
    bsm_network *network = open_large(model, file, device, BSM_PRECISION_FLOAT32);
    assert_true(off_by(file, "output", network, NULL) < TOLERANCE);
    assert_true(off_by(file, "stream_c10_l10", network, &stream) < TOLERANCE);
    bsm_network_free(network);
    bsm_model_free(model);
    golden_close(file);
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

/* Check the published network's output in a low precision; float32's differs by 3e-7 from the
 * golden one. */
static void check_paper_in(bsm_precision precision, double most)
{
    golden *file = golden_open("paper.safetensors");
    bsm_model *model = open_preset("paper");
    bsm_network *network = open_large(model, file, BSM_DEVICE_CPU, precision);
    const double error = off_by(file, "output", network, NULL);
    print_message("%s: off by %.3g\n", bsm_network_device_name(network), error);
    assert_true(error < most);
    bsm_network_free(network);
    bsm_model_free(model);
    golden_close(file);
}

/* The error is at least 40 dB below the signal. */
static void test_paper_bfloat16(void **state)
{
    (void)state;
    check_paper_in(BSM_PRECISION_BFLOAT16, 0.01);
}

/* The error is at least 30 dB below the signal. */
static void test_paper_int8(void **state)
{
    (void)state;
    check_paper_in(BSM_PRECISION_INT8, 0.0316);
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
        cmocka_unit_test(test_paper_bfloat16),
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
