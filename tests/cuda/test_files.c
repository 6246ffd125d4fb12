/* SPDX-License-Identifier: ISC */
/* Separates whole files on the CUDA device, on the emulated GPU. Although the separation may be
 * stopped at any time, its windows are replayed graphs, and the host does not wait between
 * modules. */
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/separate.h"
#include "device.h"
#include "emulated_gpu.h"
#include "fake.h"
#include "golden.h"
#include "net/place.h"
#include "noise.h"
#include "test_folder.h"

enum { RATE = 44100, SAMPLES = 6400, WINDOW = 1600, MAX_FRAMES = 1 + WINDOW / 32 };

static const bsm_separate_options windows = {.force = true, .window = (double)WINDOW / RATE};
static const bsm_separate_options blocks = {.force = true, .commit = 20, .lookahead = 10};

static bsm_network *open_on(const bsm_device *device)
{
    const bsm_config config = {.dim = 4,
                               .depth = 1,
                               .expand = 2,
                               .headdim = 4,
                               .d_state = 4,
                               .d_conv = 4,
                               .mask_expansion = 2,
                               .num_bands = 3,
                               .bands = {10, 11, 12},
                               .n_fft = 64,
                               .hop = 32,
                               .sample_rate = RATE,
                               .channels = 2,
                               .num_stems = 1,
                               .stems = {"vocals"},
                               .segment = 0.25};
    const bsm_network_options options = {.threads = 1, .max_frames = MAX_FRAMES, .streaming = true};
    bsm_model *model = NULL;
    bsm_network *network = NULL;
    assert_int_equal(bsm_model_new_untrained(&config, &model, NULL), BSM_OK);
    assert_int_equal(bsm_network_new_on(device, NULL, model, &options, &network, NULL), BSM_OK);
    bsm_model_free(model);
    return network;
}

static void write_song(void)
{
    static float samples[2 * SAMPLES];
    uint64_t seed = 1;
    noise_fill(&seed, samples, 2 * SAMPLES);
    fake_write(in_folder("song.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, RATE, 2, samples, SAMPLES);
}

/* Counts how often it was asked; stops once the GPU has launched `stop` graphs. */
typedef struct listener {
    size_t asked, stop;
} listener;

static bool go_on(void *user, const bsm_progress *progress)
{
    (void)progress;
    listener *l = user;
    l->asked++;
    return the_emulated_gpu.plays < l->stop;
}

static bsm_status separate(const bsm_device *device, const bsm_separate_options *options,
                           listener *l, fake_audio *audio)
{
    bsm_separate_options asking = *options;
    bsm_separate_result result;
    bsm_error error = {0};
    asking.progress = go_on;
    asking.user = l;
    bsm_network *network = open_on(device);
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    bsm_status status = bsm_separate_file(network, in_folder("song.wav"), &asking, &result, &error);
    if (!status) {
        *audio = fake_read(result.outputs[0]);
        bsm_separate_result_free(&result);
    } else {
        assert_int_equal(status, BSM_CANCELLED);
        assert_non_null(strstr(error.message, "song.wav: cancelled"));
    }
    bsm_network_free(network);
    return status;
}

/* The number of uploads is the number of calls, because each call uploads its samples once. The
 * host waits before and after each call, and once at the end. All calls except the first and those
 * at the end of the file are of one kind. */
static void check_plays(const bsm_separate_options *options)
{
    listener l = {.stop = SIZE_MAX};
    fake_audio expected, actual;
    write_song();
    assert_int_equal(separate(&bsm_reference_device, options, &l, &expected), BSM_OK);
    l.asked = 0;
    assert_int_equal(separate(&bsm_cuda_device, options, &l, &actual), BSM_OK);
    const emulated_gpu gpu = the_emulated_gpu;
    assert_int_equal(gpu.graphs, 1);
    assert_true(gpu.plays >= 3 && gpu.plays + 3 >= gpu.uploads);
    assert_int_equal(gpu.waits, 2 * gpu.uploads + 1);
    assert_true(l.asked >= gpu.uploads);
    assert_int_equal(actual.frames, expected.frames);
    assert_true(golden_relative_error(actual.samples, expected.samples, 2 * actual.frames) < 1e-5);
    free(expected.samples);
    free(actual.samples);
}

static void test_windows_are_played(void **unused)
{
    (void)unused;
    check_plays(&windows);
}

static void test_blocks_are_played(void **unused)
{
    (void)unused;
    check_plays(&blocks);
}

/* After the stop not one more window is computed. */
static void test_stopping(void **unused)
{
    (void)unused;
    fake_audio none;
    write_song();
    for (size_t stop = 0; stop < 3; stop++) {
        listener l = {.stop = stop};
        assert_int_equal(separate(&bsm_cuda_device, &windows, &l, &none), BSM_CANCELLED);
        assert_int_equal(the_emulated_gpu.plays, stop);
        assert_int_equal(fake_count_files(folder, ""), 1);
    }
}

/* The network itself asks, too: between the calls of one step of a file. */
static bool count_down(void *user)
{
    size_t *left = user;
    return (*left)-- > 0;
}

static void test_the_network_asks_before_each_call(void **unused)
{
    (void)unused;
    enum { FRAMES = 9, CALLS = 4 };
    static float audio[2][(FRAMES - 1) * 32 + 64], sums[2][(FRAMES - 1) * 32 + 64];
    const float *in[2] = {audio[0], audio[1]};
    float *planes[2] = {sums[0], sums[1]};
    float *const *stems[BSM_MAX_STEMS] = {planes};
    const bsm_block block = {.frames = FRAMES, .wanted = FRAMES, .audio = in, .stems = stems};
    size_t left = CALLS;
    bsm_network *network = open_on(&bsm_cuda_device);
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    bsm_network_ask(network, count_down, &left);
    for (size_t call = 0; call < CALLS; call++) {
        assert_int_equal(bsm_network_run(network, &block, NULL), BSM_OK);
    }
    const size_t operations = the_emulated_gpu.operations;
    bsm_error error = {0};
    assert_int_equal(bsm_network_run(network, &block, &error), BSM_CANCELLED);
    assert_string_equal(error.message, "cancelled");
    assert_int_equal(the_emulated_gpu.operations, operations);
    assert_int_equal(the_emulated_gpu.plays, CALLS - 1);
    bsm_network_ask(network, NULL, NULL);
    assert_int_equal(bsm_network_run(network, &block, NULL), BSM_OK);
    bsm_network_free(network);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up_folder, tear_down_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_windows_are_played),
        IN_FOLDER(test_blocks_are_played),
        IN_FOLDER(test_stopping),
        cmocka_unit_test(test_the_network_asks_before_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
