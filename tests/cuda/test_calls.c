/* SPDX-License-Identifier: ISC */
/* Tests how the CUDA device calls its modules, on the emulated GPU. Each kind of block is captured
 * once and replayed afterwards, with one copy in each direction. What cannot be captured is run
 * directly. If a GPU is missing, too small, or fails at any of its operations, another device takes
 * over and continues from the same state. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bsm/log.h"
#include "device.h"
#include "emulated_gpu.h"
#include "golden.h"
#include "gpu.h"
#include "net/place.h"
#include "noise.h"

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

/* The output of each call. */
typedef float outcome[CALLS][CHANNELS][GIVEN];

static bsm_model *model;
static float audio[CHANNELS][SAMPLES];
static size_t lines;
static char last_line[512];

static void take_line(void *user, const char *line)
{
    (void)user;
    lines++;
    bsm_format_line(last_line, sizeof last_line, "%s", line);
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
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    bsm_log_set_handler(take_line, NULL);
    return (int)bsm_model_new_untrained(&config, &model, NULL);
}

static int close_model(void **unused)
{
    (void)unused;
    bsm_model_free(model);
    bsm_log_set_handler(NULL, NULL);
    return 0;
}

static bsm_network *open_rolling(const bsm_device *device, const bsm_device *fallback,
                                 bsm_rolling rolling)
{
    bsm_network_options options = {
        .threads = 1, .max_frames = FRAMES, .streaming = true, .rolling = rolling};
    bsm_network *network = NULL;
    bsm_error error = {0};
    lines = 0;
    if (bsm_network_new_on(device, fallback, model, &options, &network, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

static bsm_network *open_on(const bsm_device *device, const bsm_device *fallback)
{
    return open_rolling(device, fallback, (bsm_rolling){0});
}

/* Run a block of the signal, and write its first stem to `out` [channel][samples]. */
static bsm_status run_block(bsm_network *network, size_t start, bsm_block block, float *out,
                            bsm_error *error)
{
    const size_t at = start * HOP, given = (block.wanted - 1) * HOP + N_FFT;
    const float *in[CHANNELS] = {audio[0] + at, audio[1] + at};
    float *planes[CHANNELS] = {out, out + given};
    float *const *stems[BSM_MAX_STEMS] = {planes};
    memset(out, 0, CHANNELS * given * sizeof *out);
    block.audio = in;
    block.stems = stems;
    return bsm_network_run(network, &block, error);
}

static bsm_status stream_block(bsm_network *network, size_t call, float out[CHANNELS][GIVEN],
                               bsm_error *error)
{
    const bsm_block block = {.frames = FRAMES, .wanted = COMMIT, .commit = COMMIT};
    return run_block(network, call * COMMIT, block, out[0], error);
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
    stream(network, actual);
    assert_near(actual, expected);
    assert_int_equal(the_emulated_gpu.graphs, 1);
    assert_int_equal(the_emulated_gpu.plays, CALLS - 1);
    size_t uploads = the_emulated_gpu.uploads, downloads = the_emulated_gpu.downloads;
    bsm_network_reset(network);
    stream(network, actual);
    assert_near(actual, expected);
    assert_int_equal(the_emulated_gpu.graphs, 1);
    assert_int_equal(the_emulated_gpu.uploads - uploads, CALLS);
    assert_int_equal(the_emulated_gpu.downloads - downloads, CALLS);
    bsm_network_free(network);
    assert_int_equal(the_emulated_gpu.used, 0);
}

/* Each of two states is used, and each warms up: this makes four kinds of blocks, two of which have
 * no stems. */
static void test_rolling_memory_has_recordings_of_each_state(void **unused)
{
    (void)unused;
    const bsm_rolling rolling = {.segment = FRAMES + 3 * COMMIT, .warmup = 2 * COMMIT};
    outcome expected, carried, actual;
    bsm_network *network = open_rolling(&bsm_reference_device, NULL, rolling);
    stream(network, expected);
    bsm_network_free(network);
    stream_on(&bsm_reference_device, carried);
    assert_memory_not_equal(expected, carried, sizeof expected);
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    network = open_rolling(&bsm_cuda_device, NULL, rolling);
    for (size_t again = 0; again < 3; again++) {
        stream(network, actual);
        assert_near(actual, expected);
        bsm_network_reset(network);
    }
    assert_int_equal(the_emulated_gpu.graphs, 4);
    bsm_network_free(network);
}

static void test_windows_and_blocks_take_turns(void **unused)
{
    (void)unused;
    outcome expected, actual;
    stream_on(&bsm_reference_device, expected);
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    static float window[CHANNELS * ((FRAMES - 1) * HOP + N_FFT)];
    for (size_t call = 0; call < CALLS; call++) {
        assert_int_equal(
            run_block(network, 0, (bsm_block){.frames = FRAMES, .wanted = FRAMES}, window, NULL),
            BSM_OK);
        assert_int_equal(stream_block(network, call, actual[call], NULL), BSM_OK);
    }
    assert_near(actual, expected);
    bsm_network_free(network);
}

static void test_more_shapes_than_are_remembered(void **unused)
{
    (void)unused;
    static float actual[CHANNELS * ((FRAMES - 1) * HOP + N_FFT)];
    static float expected[CHANNELS * ((FRAMES - 1) * HOP + N_FFT)];
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    bsm_network *reference = open_on(&bsm_reference_device, NULL);
    for (size_t call = 0; call < 3 * 3 * FRAMES; call++) {
        const size_t frames = 1 + call / 3 % FRAMES;
        const bsm_block window = {.frames = frames, .wanted = frames};
        assert_int_equal(run_block(network, 0, window, actual, NULL), BSM_OK);
        assert_int_equal(run_block(reference, 0, window, expected, NULL), BSM_OK);
        assert_true(golden_relative_error(actual, expected,
                                          CHANNELS * ((frames - 1) * HOP + N_FFT)) < TOLERANCE);
    }
    bsm_network_free(network);
    bsm_network_free(reference);
}

static void test_what_cannot_be_recorded_is_done_directly(void **unused)
{
    (void)unused;
    outcome expected, actual;
    stream_on(&bsm_reference_device, expected);
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    the_emulated_gpu.no_recordings = true;
    stream_on(&bsm_cuda_device, actual);
    assert_near(actual, expected);
    assert_int_equal(the_emulated_gpu.plays, 0);
    the_emulated_gpu.no_recordings = false;
}

static bool read_features(void *user, bsm_module module, size_t layer)
{
    (void)layer;
    float features[3 * FRAMES * 6];
    bsm_network_read_features(user, features);
    assert_true(module != BSM_MODULE_BAND_PATH || features[0] == features[0]);
    return true;
}

static void test_an_observer_sees_each_module(void **unused)
{
    (void)unused;
    outcome expected, actual;
    stream_on(&bsm_reference_device, expected);
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    bsm_network_observe(network, read_features, network);
    stream(network, actual);
    assert_near(actual, expected);
    assert_int_equal(the_emulated_gpu.graphs, 0);
    bsm_network_free(network);
}

/* ---- Failures ---- */

static void test_without_a_gpu(void **unused)
{
    (void)unused;
    outcome expected, actual;
    stream_on(&bsm_cpu_device, expected);
    the_emulated_gpu.missing = true;
    bsm_network *network = open_on(&bsm_cuda_device, &bsm_cpu_device);
    the_emulated_gpu.missing = false;
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last_line, "no GPU to play; going on on cpu"));
    assert_string_equal(bsm_network_note(network), last_line);
    stream(network, actual);
    assert_memory_equal(actual, expected, sizeof expected);
    bsm_network_free(network);
}

static void test_without_memory(void **unused)
{
    (void)unused;
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    the_emulated_gpu.memory = 100000;
    bsm_network *network = open_on(&bsm_cuda_device, &bsm_cpu_device);
    assert_non_null(strstr(last_line, "no memory for windows of 9 frames"));
    assert_int_equal(the_emulated_gpu.used, 0);
    bsm_network_free(network);
    const bsm_network_options options = {.threads = 1, .max_frames = FRAMES};
    assert_int_equal(bsm_network_new_on(&bsm_cuda_device, NULL, model, &options, &network, NULL),
                     BSM_NO_MEMORY);
    the_emulated_gpu.memory = 0;
}

static void test_failing_without_a_fallback(void **unused)
{
    (void)unused;
    outcome out;
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    the_emulated_gpu.fail_at = the_emulated_gpu.operations + 20;
    bsm_error error = {0};
    bsm_status status = BSM_OK;
    for (size_t call = 0; call < CALLS && !status; call++) {
        status = stream_block(network, call, out[call], &error);
    }
    assert_int_equal(status, BSM_DEVICE_FAILED);
    assert_string_equal(error.message, "cuda: the emulated GPU fails");
    bsm_network_free(network);
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
}

/* After the failure each block is bit-identical to what the other device alone would have computed,
 * because the state is the same. */
static void test_failing_anywhere(void **unused)
{
    (void)unused;
    outcome expected, actual;
    stream_on(&bsm_cpu_device, expected);
    memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
    bsm_network *network = open_on(&bsm_cuda_device, NULL);
    stream(network, actual);
    size_t operations = the_emulated_gpu.operations;
    bsm_network_free(network);
    for (size_t at = 1; at <= operations; at++) {
        memset(&the_emulated_gpu, 0, sizeof the_emulated_gpu);
        the_emulated_gpu.fail_at = at;
        network = open_on(&bsm_cuda_device, &bsm_cpu_device);
        for (size_t call = 0; call < CALLS; call++) {
            assert_int_equal(stream_block(network, call, actual[call], NULL), BSM_OK);
            if (strstr(bsm_network_device_name(network), "cpu")) {
                assert_memory_equal(actual[call], expected[call], sizeof expected[call]);
            }
        }
        assert_near(actual, expected);
        assert_int_equal(lines, 1);
        bsm_network_free(network);
        assert_int_equal(the_emulated_gpu.used, 0);
    }
}

static bsm_network *open_in(bsm_precision precision)
{
    bsm_network_options options = {.threads = 1, .max_frames = FRAMES, .precision = precision};
    bsm_network *network = NULL;
    assert_int_equal(bsm_network_new_on(&bsm_cuda_device, NULL, model, &options, &network, NULL),
                     BSM_OK);
    return network;
}

/* The memory that a network reports is what the GPU has allocated. Networks share the weights, with
 * an additional copy in bfloat16 if one of them needs it. */
static void test_memory(void **unused)
{
    (void)unused;
    bsm_network *on_host = open_on(&bsm_cpu_device, NULL);
    assert_int_equal(bsm_network_gpu_memory(on_host), 0);
    bsm_network_free(on_host);
    bsm_network *exact = open_in(BSM_PRECISION_FLOAT32);
    const size_t alone = the_emulated_gpu.used, before = bsm_network_gpu_memory(exact);
    assert_true(before > 0);
    assert_int_equal(before, alone);
    bsm_network *second = open_in(BSM_PRECISION_BFLOAT16);
    const size_t shared = bsm_network_gpu_memory(exact);
    assert_true(shared > before);
    bsm_network_free(exact);
    assert_int_equal(bsm_network_gpu_memory(second), the_emulated_gpu.used);
    bsm_network_free(second);
    assert_int_equal(the_emulated_gpu.used, 0);
}

/* What the emulation promises: only queued work can use the GPU's memory. */
static void test_the_host_cannot_use_the_memory(void **unused)
{
    (void)unused;
    char number = 1;
    int ends[2];
    void *memory;
    bsm_gpu *gpu;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(bsm_gpu_new(BSM_PRECISION_FLOAT32, &gpu, NULL), BSM_OK);
    assert_int_equal(bsm_gpu_allocate(gpu, sizeof number, "a test", &memory, NULL), BSM_OK);
    assert_int_equal(write(ends[1], &number, sizeof number), sizeof number);
    assert_int_equal(write(ends[1], memory, sizeof number), -1);
    assert_int_equal(errno, EFAULT);
    bsm_gpu_upload(gpu, memory, &number, sizeof number);
    bsm_gpu_wait(gpu);
    assert_int_equal(write(ends[1], memory, sizeof number), -1);
    bsm_gpu_release(memory);
    bsm_gpu_free(gpu);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_is_one_recording),
        cmocka_unit_test(test_rolling_memory_has_recordings_of_each_state),
        cmocka_unit_test(test_windows_and_blocks_take_turns),
        cmocka_unit_test(test_more_shapes_than_are_remembered),
        cmocka_unit_test(test_what_cannot_be_recorded_is_done_directly),
        cmocka_unit_test(test_an_observer_sees_each_module),
        cmocka_unit_test(test_without_a_gpu),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_failing_anywhere),
        cmocka_unit_test(test_failing_without_a_fallback),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_the_host_cannot_use_the_memory),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
