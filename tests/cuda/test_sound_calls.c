/* SPDX-License-Identifier: ISC */
/* Streams of sound on the CUDA device, its card played by the host: a block is one recording with
 * one copy each way, and a card that fails at any of its operations hands over to another device,
 * which goes on from the same state. */
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
#include "net/sound.h"
#include "noise.h"
#include "played_card.h"

enum {
    N_FFT = 16,
    HOP = 5,
    CHANNELS = 2,
    FRAMES = 9,
    COMMIT = 4,
    CALLS = 7,
    SAMPLES = (FRAMES + CALLS * COMMIT - 1) * HOP + N_FFT,
    GIVEN = (COMMIT - 1) * HOP + N_FFT,
};

static const double TOLERANCE = 2e-6;

/* What each call gives. */
typedef float outcome[CALLS][CHANNELS][GIVEN];

static bsm_model *model;
static float audio[CHANNELS][SAMPLES];
static size_t lines;

static void count_line(void *user, const char *line)
{
    (void)user;
    (void)line;
    lines++;
}

static int open_model(void **unused)
{
    (void)unused;
    bsm_config config = {.dim = 6,
                         .depth = 1,
                         .expand = 2,
                         .headdim = 4,
                         .d_state = 3,
                         .d_conv = 3,
                         .mask_expansion = 2,
                         .num_bands = 3,
                         .bands = {1, 2, 6},
                         .n_fft = N_FFT,
                         .hop = HOP,
                         .sample_rate = 8000,
                         .channels = CHANNELS,
                         .num_stems = 1,
                         .stems = {"vocals"},
                         .segment = 1};
    uint64_t seed = 3;
    noise_fill(&seed, audio[0], CHANNELS * SAMPLES);
    memset(&the_played_card, 0, sizeof the_played_card);
    bsm_log_set_handler(count_line, NULL);
    return (int)bsm_model_new_untrained(&config, &model, NULL);
}

static int close_model(void **unused)
{
    (void)unused;
    bsm_model_free(model);
    bsm_log_set_handler(NULL, NULL);
    return 0;
}

static bsm_network *open_on(const bsm_device *device, const bsm_device *fallback)
{
    bsm_network_options options = {.threads = 1, .max_frames = FRAMES, .streaming = true};
    bsm_network *network = NULL;
    bsm_error error = {0};
    lines = 0;
    if (bsm_network_new_on(device, fallback, model, &options, &network, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

static bsm_status stream_block(bsm_network *network, size_t call, float out[CHANNELS][GIVEN],
                               bsm_error *error)
{
    const size_t at = call * COMMIT * HOP;
    const float *in[CHANNELS] = {audio[0] + at, audio[1] + at};
    float *planes[CHANNELS] = {out[0], out[1]};
    float *const *stems[BSM_MAX_STEMS] = {planes};
    const bsm_block block = {.frames = FRAMES, .wanted = COMMIT, .commit = COMMIT};
    const bsm_sound sound = {.audio = in, .stems = stems};
    return bsm_network_sound(network, &block, &sound, error);
}

static void stream(bsm_network *network, outcome out)
{
    bsm_error error = {0};
    for (size_t call = 0; call < CALLS; call++) {
        if (stream_block(network, call, out[call], &error)) {
            fail_msg("%s", error.message);
        }
    }
}

static void stream_on(const bsm_device *device, outcome out)
{
    bsm_network *network = open_on(device, NULL);
    stream(network, out);
    bsm_network_free(network);
}

static void assert_near(outcome actual, outcome expected)
{
    double off = golden_relative_error(actual[0][0], expected[0][0], CALLS * CHANNELS * GIVEN);
    if (!(off < TOLERANCE)) {
        fail_msg("off by %g", off);
    }
}

static void test_a_block_is_one_recording(void **unused)
{
    (void)unused;
    outcome expected, actual;
    stream_on(&bsm_reference_device, expected);
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    assert_true(bsm_network_takes_sound(network));
    stream(network, actual);
    assert_near(actual, expected);
    assert_int_equal(the_played_card.recordings, 1);
    assert_int_equal(the_played_card.plays, CALLS - 1);
    size_t uploads = the_played_card.uploads, downloads = the_played_card.downloads;
    bsm_network_reset(network);
    stream(network, actual);
    assert_near(actual, expected);
    assert_int_equal(the_played_card.recordings, 1);
    assert_int_equal(the_played_card.uploads - uploads, CALLS);
    assert_int_equal(the_played_card.downloads - downloads, CALLS);
    bsm_network_free(network);
    assert_int_equal(the_played_card.used, 0);
}

static void test_spectra_and_sound_take_turns(void **unused)
{
    (void)unused;
    outcome expected, actual;
    stream_on(&bsm_reference_device, expected);
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    static float spectrum[FRAMES * CHANNELS * (N_FFT / 2 + 1) * 2];
    float *stems[BSM_MAX_STEMS] = {spectrum};
    for (size_t call = 0; call < CALLS; call++) {
        assert_int_equal(bsm_network_forward(network, spectrum, FRAMES, stems, NULL), BSM_OK);
        assert_int_equal(stream_block(network, call, actual[call], NULL), BSM_OK);
    }
    assert_near(actual, expected);
    bsm_network_free(network);
}

/* Behind the failure each block is to the bit what the other device alone would have given: the
 * state is the same. */
static void test_failing_anywhere(void **unused)
{
    (void)unused;
    outcome expected, actual;
    stream_on(&bsm_cpu_device, expected);
    memset(&the_played_card, 0, sizeof the_played_card);
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    stream(network, actual);
    size_t operations = the_played_card.operations;
    bsm_network_free(network);
    for (size_t at = 1; at <= operations; at++) {
        memset(&the_played_card, 0, sizeof the_played_card);
        the_played_card.fail_at = at;
        network = open_on(&bsm_cuda_device, &bsm_cpu_device);
        for (size_t call = 0; call < CALLS; call++) {
            assert_int_equal(stream_block(network, call, actual[call], NULL), BSM_OK);
            if (!bsm_network_takes_sound(network)) {
                assert_memory_equal(actual[call], expected[call], sizeof expected[call]);
            }
        }
        assert_near(actual, expected);
        assert_int_equal(lines, 1);
        bsm_network_free(network);
        assert_int_equal(the_played_card.used, 0);
    }
}

/* What is remembered of a stream is either. */
static void test_a_stream_goes_on_as_it_began(void **unused)
{
    (void)unused;
    outcome out;
    static float spectrum[FRAMES * CHANNELS * (N_FFT / 2 + 1) * 2];
    float *stems[BSM_MAX_STEMS] = {spectrum};
    bsm_network *network = open_on(&bsm_cuda_device, &bsm_cpu_device);
    assert_int_equal(stream_block(network, 0, out[0], NULL), BSM_OK);
    assert_int_equal(bsm_network_stream(network, spectrum, FRAMES, COMMIT, stems, NULL),
                     BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_network_forward(network, spectrum, FRAMES, stems, NULL), BSM_OK);
    bsm_network_reset(network);
    assert_int_equal(bsm_network_stream(network, spectrum, FRAMES, COMMIT, stems, NULL), BSM_OK);
    assert_int_equal(stream_block(network, 0, out[0], NULL), BSM_INVALID_ARGUMENT);
    assert_int_equal(lines, 0);
    bsm_network_free(network);
}

static bsm_network *open_in(bsm_precision precision)
{
    bsm_network_options options = {.threads = 1, .max_frames = FRAMES, .precision = precision};
    bsm_network *network = NULL;
    assert_int_equal(bsm_network_new_on(&bsm_cuda_device, NULL, model, &options, &network, NULL),
                     BSM_OK);
    return network;
}

/* What a network says that it holds is what the card has given; the weights are there once, and in
 * bfloat16 when a network wants them so. */
static void test_memory(void **unused)
{
    (void)unused;
    bsm_network *on_host = open_on(&bsm_cpu_device, NULL);
    assert_int_equal(bsm_network_gpu_memory(on_host), 0);
    bsm_network_free(on_host);
    bsm_network *exact = open_in(BSM_PRECISION_FLOAT32);
    const size_t alone = the_played_card.used, before = bsm_network_gpu_memory(exact);
    assert_true(before > 0);
    assert_int_equal(before, alone);
    bsm_network *second = open_in(BSM_PRECISION_BFLOAT16);
    const size_t shared = bsm_network_gpu_memory(exact);
    assert_true(shared > before);
    bsm_network_free(exact);
    assert_int_equal(bsm_network_gpu_memory(second), the_played_card.used);
    bsm_network_free(second);
    assert_int_equal(the_played_card.used, 0);
}

static void test_bad_arguments(void **unused)
{
    (void)unused;
    static const struct {
        bsm_block block;
        size_t first;
    } bad[] = {
        {{.frames = 0, .wanted = 0}, 0},
        {{.frames = FRAMES + 1, .wanted = 1}, 0},
        {{.frames = 3, .wanted = 4}, 0},
        {{.frames = 3, .wanted = 2}, 2},
        {{.frames = 3, .wanted = 3, .commit = 2}, 0},
    };
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    float *const *stems[BSM_MAX_STEMS] = {NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const bsm_sound sound = {.first = bad[i].first, .stems = stems};
        assert_int_equal(bsm_network_sound(network, &bad[i].block, &sound, NULL),
                         BSM_INVALID_ARGUMENT);
    }
    bsm_network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_is_one_recording),
        cmocka_unit_test(test_spectra_and_sound_take_turns),
        cmocka_unit_test(test_failing_anywhere),
        cmocka_unit_test(test_a_stream_goes_on_as_it_began),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
