/* SPDX-License-Identifier: ISC */
/* Tests a track's mixture and its sources, with files of all kinds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bsm/log.h"
#include "data_folder.h"
#include "noise.h"
#include "validate/validate_track.h"

enum { RATE = 8000, MAX_SAMPLES = 20000, SOURCES = 2, PARTS = 1 + SOURCES, STEREO = 2 };

static char *folder;
static char *paths[PARTS]; /* mixture, sources */
static bsm_track track;

/* The output: the mixture as it was read, then the parts as they were taken. */
static float mixture[STEREO][MAX_SAMPLES], taken[PARTS * STEREO][MAX_SAMPLES];

static int set_up(void **state)
{
    (void)state;
    folder = data_folder_new();
    memset(paths, 0, sizeof paths);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t p = 0; p < PARTS; p++) {
        free(paths[p]);
    }
    data_folder_remove(folder);
    return 0;
}

/* Write a file of part `part`; return its interleaved samples, which the caller frees. */
static float *write_part(size_t part, int rate, int channels, size_t frames)
{
    char name[16];
    snprintf(name, sizeof name, "%zu.wav", part);
    float *samples = calloc(frames * (size_t)channels + 1, sizeof *samples);
    uint64_t seed = part + 1;
    noise_fill(&seed, samples, frames * (size_t)channels);
    data_folder_audio(folder, name, rate, channels, samples, frames);
    paths[part] = strdup(data_folder_path(folder, name));
    return samples;
}

static bsm_track_signal *open_track(size_t channels, double max_seconds)
{
    bsm_track_signal *signal;
    bsm_error error;
    track = (bsm_track){.name = "track", .sources = paths + 1, .mixture = paths[0]};
    if (bsm_track_signal_open(&track, SOURCES, RATE, channels, max_seconds, &signal, &error)) {
        fail_msg("%s", error.message);
    }
    return signal;
}

/* Read everything in pieces of random sizes, and take it later; return the number of samples. */
static size_t run(size_t channels, size_t expected_channels, double max_seconds)
{
    bsm_track_signal *signal = open_track(channels, max_seconds);
    assert_int_equal(bsm_track_signal_channels(signal), expected_channels);
    const bsm_signal reader = bsm_track_signal_mixture(signal);
    size_t have = 0, done = 0, wanted = 0, got = 0;
    uint64_t seed = 7;
    memset(taken, 0, sizeof taken);
    do {
        float *at[] = {mixture[0] + have, mixture[1] + have}, *out[PARTS * STEREO];
        wanted = noise_size(&seed, 1, 6000);
        wanted = wanted < MAX_SAMPLES - have ? wanted : MAX_SAMPLES - have;
        assert_int_equal(reader.read(reader.user, at, wanted, &got, NULL), BSM_OK);
        have += got;
        for (size_t p = 0; p < PARTS * expected_channels; p++) {
            out[p] = taken[p] + done;
        }
        done += bsm_track_signal_take(signal, out, noise_size(&seed, 0, have - done));
    } while (got == wanted);
    float *out[PARTS * STEREO];
    for (size_t p = 0; p < PARTS * expected_channels; p++) {
        out[p] = taken[p] + done;
    }
    assert_int_equal(bsm_track_signal_take(signal, out, have - done), have - done);
    assert_int_equal(bsm_track_signal_take(signal, out, 1), 0);
    for (size_t c = 0; c < expected_channels; c++) {
        assert_memory_equal(mixture[c], taken[c], have * sizeof(float));
    }
    bsm_track_signal_free(signal);
    return have;
}

/* Return plane `channel` of part `part` of a stereo track. */
static const float *plane(size_t part, size_t channel)
{
    return taken[part * STEREO + channel];
}

/* ---- Mixtures ---- */

static void test_sum_of_sources(void **state)
{
    (void)state;
    float *vocals = write_part(1, RATE, 2, 10000);
    float *other = write_part(2, RATE, 2, 12345); /* longer than the mixture */
    assert_int_equal(run(2, 2, 0), 12345);
    for (size_t i = 0; i < 12345; i++) {
        for (size_t c = 0; c < 2; c++) {
            const float v = i < 10000 ? vocals[2 * i + c] : 0, o = other[2 * i + c];
            assert_true(plane(1, c)[i] == v);
            assert_true(plane(2, c)[i] == o);
            assert_true(plane(0, c)[i] == v + o);
        }
    }
    free(vocals);
    free(other);
}

static void test_mixture_file(void **state)
{
    (void)state;
    float *whole = write_part(0, RATE, 2, 9000);
    float *vocals = write_part(1, RATE, 2, 10000);
    float *other = write_part(2, RATE, 2, 8000);
    assert_int_equal(run(2, 2, 0), 9000); /* as long as its mixture */
    for (size_t i = 0; i < 9000; i++) {
        assert_true(plane(0, 0)[i] == whole[2 * i]);
        assert_true(plane(1, 1)[i] == vocals[2 * i + 1]);
        assert_true(plane(2, 1)[i] == (i < 8000 ? other[2 * i + 1] : 0));
    }
    free(whole);
    free(vocals);
    free(other);
}

/* The mixture may lack the file of the first or of the second source. */
static void test_source_that_is_left_of_the_mixture(void **state)
{
    for (size_t missing = 1; missing <= 2; missing++) {
        set_up(state);
        float *whole = write_part(0, RATE, 2, 9000);
        float *there = write_part(3 - missing, RATE, 2, 9000);
        assert_int_equal(run(2, 2, 0), 9000);
        for (size_t i = 0; i < 9000; i++) {
            assert_true(plane(missing, 1)[i] == whole[2 * i + 1] - there[2 * i + 1]);
            assert_true(plane(3 - missing, 1)[i] == there[2 * i + 1]);
            assert_true(plane(0, 1)[i] == whole[2 * i + 1]);
        }
        free(whole);
        free(there);
        tear_down(state);
    }
}

static void test_missing_sources_are_silent(void **state)
{
    (void)state;
    float *other = write_part(2, RATE, 2, 5000);
    assert_int_equal(run(2, 2, 0), 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_true(plane(1, 0)[i] == 0);
        assert_true(plane(0, 0)[i] == other[2 * i]);
    }
    free(other);
}

static void test_nothing_but_a_mixture(void **state)
{
    (void)state;
    float *whole = write_part(0, RATE, 2, 5000);
    assert_int_equal(run(2, 2, 0), 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_true(plane(1, 0)[i] == 0 && plane(2, 0)[i] == 0);
        assert_true(plane(0, 1)[i] == whole[2 * i + 1]);
    }
    free(whole);
}

/* ---- Channels and rates ---- */

static void test_mono_and_stereo_files(void **state)
{
    (void)state;
    float *vocals = write_part(1, RATE, 1, 5000);
    float *other = write_part(2, RATE, 2, 5000);
    for (size_t channels = 1; channels <= 2; channels++) { /* channels of the model */
        assert_int_equal(run(channels, 2, 0), 5000);
        for (size_t i = 0; i < 5000; i++) {
            assert_true(plane(1, 0)[i] == vocals[i] && plane(1, 1)[i] == vocals[i]);
            assert_true(plane(0, 1)[i] == vocals[i] + other[2 * i + 1]);
        }
    }
    free(vocals);
    free(other);
}

static void test_mono_track(void **state)
{
    (void)state;
    float *vocals = write_part(1, RATE, 1, 5000);
    float *other = write_part(2, RATE, 1, 5000);
    assert_int_equal(run(1, 1, 0), 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_true(taken[0][i] == vocals[i] + other[i]);
        assert_true(taken[2][i] == other[i]);
    }
    free(vocals);
    free(other);
}

static void test_rates_are_converted(void **state)
{
    (void)state;
    enum { FILE_RATE = 11025, FRAMES = 11025 };
    float sine[FRAMES];
    for (size_t i = 0; i < FRAMES; i++) {
        sine[i] = (float)sin(2 * M_PI * 440 * (double)i / FILE_RATE);
    }
    data_folder_audio(folder, "sine.wav", FILE_RATE, 1, sine, FRAMES);
    paths[1] = strdup(data_folder_path(folder, "sine.wav"));
    float *other = write_part(2, RATE, 2, 100);
    assert_int_equal(run(2, 2, 0), RATE);
    for (size_t i = 500; i < RATE - 500; i++) {
        const double expected = sin(2 * M_PI * 440 * (double)i / RATE);
        assert_true(fabs((double)plane(1, 1)[i] - expected) < 1e-4);
    }
    free(other);
}

/* ---- Excerpts ---- */

static void test_excerpt_is_from_the_middle(void **state)
{
    (void)state;
    float *vocals = write_part(1, RATE, 2, 12000);
    float *other = write_part(2, RATE, 2, 18000);
    assert_int_equal(run(2, 2, 1), RATE);
    for (size_t i = 0; i < RATE; i++) {
        const size_t at = i + (18000 - RATE) / 2;
        assert_true(plane(1, 0)[i] == (at < 12000 ? vocals[2 * at] : 0));
        assert_true(plane(2, 0)[i] == other[2 * at]);
        assert_true(plane(0, 0)[i] == plane(1, 0)[i] + other[2 * at]);
    }
    assert_int_equal(run(2, 2, 18000.0 / RATE), 18000);
    assert_int_equal(run(2, 2, 100), 18000);
    free(vocals);
    free(other);
}

/* ---- Failures ---- */

static void test_damaged_file(void **state)
{
    (void)state;
    free(write_part(2, RATE, 2, 9000));
    uint64_t seed = 1;
    static float samples[2 * 9000];
    noise_fill(&seed, samples, 2 * 9000);
    data_folder_flac(folder, "1.flac", RATE, 2, samples, 9000);
    paths[1] = strdup(data_folder_path(folder, "1.flac"));
    assert_int_equal(run(2, 2, 0), 9000);
    assert_int_equal(truncate(paths[1], 15000), 0);
    bsm_track_signal *signal = open_track(2, 0);
    const bsm_signal reader = bsm_track_signal_mixture(signal);
    bsm_error error;
    size_t got;
    float *at[] = {mixture[0], mixture[1]};
    assert_int_equal(reader.read(reader.user, at, MAX_SAMPLES, &got, &error), BSM_BAD_AUDIO);
    assert_non_null(strstr(error.message, "1.flac: is damaged: ends after"));
    bsm_track_signal_free(signal);
}

static char said[640];

static void note(void *user, const char *line)
{
    (void)user;
    snprintf(said, sizeof said, "%s", line);
}

/* The few samples that the end of an Ogg file may lack are no damage. */
static void test_a_few_samples_too_few(void **state)
{
    (void)state;
    free(write_part(2, RATE, 2, 9000));
    uint64_t seed = 1;
    static float samples[2 * 9000];
    noise_fill(&seed, samples, 2 * 9000);
    data_folder_flac(folder, "1.flac", RATE, 2, samples, 9000);
    paths[1] = strdup(data_folder_path(folder, "1.flac"));
    bsm_log_set_handler(note, NULL);
    data_folder_announce(folder, "1.flac", 9000 + RATE / 20);
    assert_int_equal(run(2, 2, 0), 9000);
    assert_non_null(strstr(said, "1.flac: ends 400 samples before its header says: used as it is"));
    data_folder_announce(folder, "1.flac", 9000 + RATE / 20 + 1);
    bsm_log_set_handler(NULL, NULL);
    bsm_track_signal *signal = open_track(2, 0);
    const bsm_signal reader = bsm_track_signal_mixture(signal);
    size_t got;
    float *at[] = {mixture[0], mixture[1]};
    assert_int_equal(reader.read(reader.user, at, MAX_SAMPLES, &got, NULL), BSM_BAD_AUDIO);
    bsm_track_signal_free(signal);
}

static void test_files_that_cannot_be_opened(void **state)
{
    (void)state;
    bsm_track_signal *signal;
    bsm_error error;
    data_folder_file(folder, "text.wav");
    for (size_t p = 0; p < PARTS; p++) {
        for (int there = 0; there < 2; there++) {
            char *broken[PARTS] = {NULL};
            broken[p] = strdup(data_folder_path(folder, there ? "text.wav" : "none.wav"));
            track = (bsm_track){.name = "t", .sources = broken + 1, .mixture = broken[0]};
            assert_int_equal(bsm_track_signal_open(&track, SOURCES, RATE, 2, 0, &signal, &error),
                             there ? BSM_BAD_AUDIO : BSM_NOT_FOUND);
            assert_null(signal);
            assert_non_null(strstr(error.message, broken[p]));
            free(broken[p]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sum_of_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mixture_file, set_up, tear_down),
        cmocka_unit_test(test_source_that_is_left_of_the_mixture),
        cmocka_unit_test_setup_teardown(test_missing_sources_are_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_but_a_mixture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mono_and_stereo_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mono_track, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rates_are_converted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_excerpt_is_from_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_few_samples_too_few, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_cannot_be_opened, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
