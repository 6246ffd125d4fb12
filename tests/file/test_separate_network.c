/* SPDX-License-Identifier: ISC */
/* Tests separating whole files: memory, and a real network. */
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "fake.h"
#include "file/separate.h"
#include "noise.h"
#include "test_folder.h"

static bsm_separate_result result;

static void write_noise(const char *name, size_t frames)
{
    uint64_t seed = 1;
    float *samples = malloc(frames * 2 * sizeof *samples);
    noise_fill(&seed, samples, frames * 2);
    fake_write(in_folder(name), SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2, samples, frames);
    free(samples);
}

/* ---- Memory ---- */

static long peak_kilobytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Eight minutes at 8 kHz are 85 MB at the model's rate; a tenth of that would be too much. */
static void test_memory_does_not_grow(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* AddressSanitizer keeps freed memory for a while */
#endif
    enum { RATE = 8000, BLOCK = RATE * 10 };
    static float silence[BLOCK];
    SF_INFO info = {.samplerate = RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_U8};
    fake_network network = fake_identity(512, 512, 1);
    bsm_separate_options options = {.force = true, .window = 4};
    long before = 0;
    for (int blocks = 2; blocks <= 48; blocks += 46) {
        SNDFILE *file = sf_open(in_folder("long.wav"), SFM_WRITE, &info);
        assert_non_null(file);
        for (int i = 0; i < blocks; i++) {
            assert_int_equal(sf_writef_float(file, silence, BLOCK), BLOCK);
        }
        sf_close(file);
        network.calls = 0;
        assert_int_equal(bsm_separate_file_with(fake_separator(&network), &network.config, NULL,
                                                path, &options, &result, NULL),
                         BSM_OK);
        assert_true(fabs(result.seconds - 10.0 * blocks) < 1e-9);
        bsm_separate_result_free(&result);
        if (blocks == 2) {
            before = peak_kilobytes();
        }
    }
    if (peak_kilobytes() - before > 8000) {
        fail_msg("peak memory grew by %ld kB", peak_kilobytes() - before);
    }
}

/* ---- The network itself ---- */

static bsm_network *small_network(size_t max_frames)
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
                               .sample_rate = 44100,
                               .channels = 2,
                               .num_stems = 1,
                               .stems = {"vocals"},
                               .segment = 0.25};
    bsm_model *model;
    bsm_network *network;
    assert_int_equal(bsm_model_new_untrained(&config, &model, NULL), BSM_OK);
    bsm_network_options options = {
        .device = BSM_DEVICE_CPU, .threads = 1, .max_frames = max_frames, .streaming = true};
    assert_int_equal(bsm_network_new(model, &options, &network, NULL), BSM_OK);
    bsm_model_free(model);
    return network;
}

/* If a block holds the whole file, a stream is the same as one window of the file's length. */
static void test_real_network(void **state)
{
    (void)state;
    enum { FRAMES = 6400 };
    write_noise("song.wav", FRAMES);
    bsm_network *network = small_network(1 + FRAMES / 32);
    bsm_separate_options options = {.force = true, .window = (double)FRAMES / 44100};
    assert_int_equal(bsm_separate_file(network, in_folder("song.wav"), &options, &result, NULL),
                     BSM_OK);
    fake_audio window = fake_read(result.outputs[0]);
    bsm_separate_result_free(&result);
    options = (bsm_separate_options){.force = true, .commit = 101, .lookahead = 100};
    /* the second time, nothing may be left of the first state */
    for (int round = 0; round < 2; round++) {
        assert_int_equal(bsm_separate_file(network, in_folder("song.wav"), &options, &result, NULL),
                         BSM_OK);
        fake_audio stream = fake_read(result.outputs[0]);
        bsm_separate_result_free(&result);
        double difference = 0, power = 0;
        for (size_t i = 0; i < 2 * FRAMES; i++) {
            difference += pow((double)stream.samples[i] - (double)window.samples[i], 2);
            power += pow((double)window.samples[i], 2);
        }
        assert_true(power > 1e-3);
        assert_true(sqrt(difference / power) < 1e-5);
        free(stream.samples);
    }
    free(window.samples);
    bsm_network_free(network);
}

static bool stop_at_second_call(void *user, const bsm_progress *progress)
{
    (void)progress;
    int *calls = user;
    return ++*calls < 2;
}

/* The second call of the progress function comes from inside the network, which does not know the
 * file. */
static void test_cancelling_inside_the_network(void **state)
{
    (void)state;
    enum { FRAMES = 6400 };
    write_noise("song.wav", FRAMES);
    bsm_network *network = small_network(1 + FRAMES / 32);
    int calls = 0;
    bsm_error error = {0};
    bsm_separate_options options = {
        .window = (double)FRAMES / 44100, .progress = stop_at_second_call, .user = &calls};
    assert_int_equal(bsm_separate_file(network, path, &options, &result, &error), BSM_CANCELLED);
    assert_int_equal(calls, 2);
    assert_int_equal(error.status, BSM_CANCELLED);
    assert_non_null(strstr(error.message, "song.wav: cancelled"));
    assert_int_equal(fake_count_files(folder, ""), 1);
    bsm_network_free(network);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up_folder, tear_down_folder)
    const struct CMUnitTest tests[] = {
        /* first, because the peak counts from the program's start */
        IN_FOLDER(test_memory_does_not_grow),
        IN_FOLDER(test_real_network),
        IN_FOLDER(test_cancelling_inside_the_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
