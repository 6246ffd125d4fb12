/* SPDX-License-Identifier: ISC */
/* Tests validation, from a folder of tracks to its tables, with models whose result is known. */
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

#include "data_folder.h"
#include "identity.h"
#include "noise.h"
#include "validate/validate.h"

enum { RATE = 44100, SECOND = RATE * 2 }; /* interleaved samples */

static const char *const sources[] = {"vocals", "other"};
static const char *const names[] = {"valid/A", "valid/B \"live\""};

static char *folder;
static bsm_model *model;
static bsm_validation *validation;

static bsm_validate_options options_of_test(void)
{
    return (bsm_validate_options){.root = folder,
                                  .subset = BSM_SUBSET_VALID,
                                  .sources = sources,
                                  .num_sources = 2,
                                  .device = BSM_DEVICE_CPU,
                                  .threads = 1,
                                  .duration = 0.75};
}

/* Write noise of this level, with silence from second `from` to second `to`. */
static void write_noise(const char *track, const char *source, double level, size_t frames,
                        size_t from, size_t to)
{
    char name[100];
    uint64_t seed = (uint64_t)source[0];
    float *samples = calloc(frames * 2, sizeof *samples);
    noise_fill(&seed, samples, frames * 2);
    for (size_t i = 0; i < frames * 2; i++) {
        samples[i] *= i >= from * SECOND && i < to * SECOND ? 0 : (float)level;
    }
    snprintf(name, sizeof name, "%s/%s.wav", track, source);
    data_folder_audio(folder, name, RATE, 2, samples, frames);
    free(samples);
}

/* In track A the vocals are 6 dB below the rest. In B, which has a mixture instead of "other", the
 * vocals are silent for three seconds, and then as loud as the mixture. */
static int set_up(void **state)
{
    (void)state;
    folder = data_folder_new();
    write_noise(names[0], "vocals", 0.25, RATE * 2 + 100, 0, 0);
    write_noise(names[0], "other", 0.5, RATE * 2 + 100, 0, 0);
    write_noise(names[1], "vocals", 0.25, RATE * 4, 0, 3);
    write_noise(names[1], "mixture", 0.25, RATE * 4, 0, 0);
    const bsm_config config = small_stream_config();
    model = identity_model(&config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bsm_validation_free(validation);
    validation = NULL;
    bsm_model_free(model);
    data_folder_remove(folder);
    return 0;
}

static void validate(const bsm_validate_options *options)
{
    bsm_error error;
    bsm_validation_free(validation);
    if (bsm_validate(model, options, NULL, NULL, &validation, &error)) {
        fail_msg("%s", error.message);
    }
}

static void validate_fails(const bsm_validate_options *options, bsm_status status, const char *text)
{
    bsm_error error;
    bsm_validation *none = NULL;
    assert_int_equal(bsm_validate(model, options, NULL, NULL, &none, &error), status);
    assert_null(none);
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, text);
    }
}

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) < tolerance)) {
        fail_msg("%.9g instead of %.9g", actual, expected);
    }
}

/* ---- What is measured ---- */

/* Return the dB of all three kinds together: the whole error relative to the target. */
static double sum_of_errors(const bsm_spectral_errors *errors)
{
    return 10 * log10(pow(10, errors->missed / 10) + pow(10, errors->let_through / 10) +
                      pow(10, errors->mixed / 10));
}

/* The vocals are estimated as the mixture, so that nothing is missed, and the rest as silence. */
static void check_identity(void)
{
    assert_int_equal(validation->num_tracks, 2);
    assert_int_equal(validation->num_stems, 2);
    assert_int_equal(validation->num_results, 4);
    assert_near(validation->seconds_audio, 6 + 100.0 / RATE, 1e-9);
    assert_true(validation->seconds_taken > 0);
    for (size_t r = 0; r < 4; r++) {
        const bsm_track_result *result = &validation->results[r];
        assert_string_equal(result->track, names[r / 2]);
        assert_int_equal(result->stem, r % 2);
    }
    const bsm_track_result *vocals = &validation->results[0], *rest = &validation->results[1];
    /* The target and its error are two noises. */
    assert_near(vocals->sdr.usdr, -6.02, 0.05);
    assert_near(sum_of_errors(&vocals->errors), 6.02, 0.05);
    assert_true(vocals->errors.let_through > vocals->errors.missed + 10);
    assert_true(bsm_track_figure(vocals, BSM_FIGURE_MIXED) == vocals->errors.mixed);
    assert_int_equal(vocals->sdr.frames, 2);
    assert_near(rest->sdr.usdr, 0, 1e-4);
    assert_true(isnan(rest->errors.mixed));
    /* B's rest is the mixture minus the vocals; the vocals enter after three seconds. */
    const bsm_track_result *entry = &validation->results[2];
    assert_int_equal(entry->sdr.frames, 1);
    assert_int_equal(entry->sdr.sparse_frames, 1);
    assert_int_equal(entry->sdr.silent_frames, 3);
    assert_near(entry->sdr.sparse_csdr, entry->sdr.csdr, 1e-12);
    assert_near(entry->sdr.silent_residual, 10 * log10(0.25 * 0.25 / 3), 0.05);
    const double mean = (vocals->sdr.usdr + entry->sdr.usdr) / 2;
    const bsm_stem_summary *first = &validation->summaries[0];
    assert_near(first->mean[BSM_FIGURE_USDR], mean, 1e-12);
    assert_near(first->median[BSM_FIGURE_USDR], mean, 1e-12);
    assert_near(first->mean[BSM_FIGURE_CSDR], (vocals->sdr.csdr + entry->sdr.csdr) / 2, 1e-12);
    assert_near(first->median[BSM_FIGURE_CSDR], first->mean[BSM_FIGURE_CSDR], 1e-12);
    assert_near(first->mean[BSM_FIGURE_CENTRE_USDR],
                (vocals->errors.centre_usdr + entry->errors.centre_usdr) / 2, 1e-12);
    assert_near(first->mean[BSM_FIGURE_SPARSE_CSDR], entry->sdr.csdr, 1e-12);
}

static void test_identity(void **state)
{
    (void)state;
    bsm_validate_options options = options_of_test();
    validate(&options);
    assert_string_equal(validation->method, "windows of 0.75 s, overlap 0%");
    check_identity();
    options.overlap = -1;
    options.duration = 0;
    validate(&options);
    assert_string_equal(validation->method, "windows of 8 s, overlap 50%");
    check_identity();
    options.commit = 20;
    options.lookahead = 7;
    options.memory = BSM_MEMORY_CARRY;
    validate(&options);
    assert_string_equal(validation->method,
                        "stream: commit 20, look-ahead 7 frames, state carried");
    check_identity();
    /* "model" is rolling memory over the segment if the model has no metadata */
    options.memory = BSM_MEMORY_MODEL;
    validate(&options);
    assert_string_equal(validation->method,
                        "stream: commit 20, look-ahead 7, rolling memory 800, warm-up 200 frames");
    options.history = 5;
    validate(&options);
    assert_string_equal(validation->method, "stream: commit 20, look-ahead 7, history 5 frames");
    check_identity();
    options.precision = BSM_PRECISION_INT8;
    validate(&options);
    assert_string_equal(validation->method,
                        "stream: commit 20, look-ahead 7, history 5 frames, int8 or better");
    check_identity();
}

static void test_excerpts(void **state)
{
    (void)state;
    bsm_validate_options options = options_of_test();
    options.max_seconds = 2; /* B's vocals begin after that */
    validate(&options);
    assert_near(validation->seconds_audio, 4, 1e-9);
    assert_true(isnan(validation->results[2].sdr.usdr));
    assert_int_equal(validation->results[2].sdr.silent_frames, 2);
    assert_near(validation->summaries[0].mean[BSM_FIGURE_USDR], validation->results[0].sdr.usdr,
                1e-12);
}

/* If all sources are stems, there is no rest. */
static void test_no_rest(void **state)
{
    (void)state;
    bsm_validate_options options = options_of_test();
    options.num_sources = 1;
    validate(&options);
    assert_int_equal(validation->num_stems, 1);
    assert_int_equal(validation->num_results, 2);
    const bsm_sdr *alone = &validation->results[0].sdr; /* the mixture is the vocals */
    assert_true(alone->usdr > 100);
    assert_true(validation->results[1].sdr.usdr < 0); /* B has a file of its mixture */
}

static double relative_error(const bsm_sdr *a, const bsm_sdr *b)
{
    return fabs(pow(10, (a->usdr - b->usdr) / 20) - 1);
}

/* Use a model whose vocals depend on every weight. */
static void use_hash_model(void)
{
    const bsm_config config = small_stream_config();
    bsm_model_free(model);
    model = hash_model(&config);
}

static void remove_b(void)
{
    assert_int_equal(unlink(data_folder_path(folder, "valid/B \"live\"/vocals.wav")), 0);
    assert_int_equal(unlink(data_folder_path(folder, "valid/B \"live\"/mixture.wav")), 0);
}

/* A block that covers the whole track sees the same as a window of its length. */
static void test_stream_over_a_whole_track_is_a_window(void **state)
{
    (void)state;
    enum { FRAMES = 1 + (2 * RATE + 100) / 441 };
    remove_b();
    use_hash_model();
    bsm_validate_options options = options_of_test();
    options.duration = (2.0 * RATE + 100) / RATE;
    validate(&options);
    assert_int_equal(validation->num_tracks, 1);
    const bsm_sdr vocals = validation->results[0].sdr, rest = validation->results[1].sdr;
    assert_true(isfinite(vocals.usdr) && isfinite(rest.usdr));
    options.memory = BSM_MEMORY_CARRY;
    options.commit = FRAMES;
    for (options.lookahead = 0; options.lookahead <= 10; options.lookahead += 10) {
        validate(&options);
        assert_true(relative_error(&validation->results[0].sdr, &vocals) < 1e-5);
        assert_true(relative_error(&validation->results[1].sdr, &rest) < 1e-5);
    }
    options.commit = 10; /* shorter blocks see less */
    options.lookahead = 1;
    validate(&options);
    assert_true(relative_error(&validation->results[0].sdr, &vocals) > 1e-5);
}

/* Write a source of track A, and add it to a signal in memory: two seconds of noise between seconds
 * of silence, because a live stream fades in and does not know its end. */
enum { LIVE_FRAMES = 4 * RATE };

static signal write_live_source(const char *source, signal *sum)
{
    signal audio = new_signal(LIVE_FRAMES);
    float *samples = calloc(2 * LIVE_FRAMES, sizeof *samples);
    uint64_t seed = (uint64_t)source[0];
    noise_fill(&seed, samples + SECOND, 2 * SECOND);
    for (size_t i = 0; i < 2 * LIVE_FRAMES; i++) {
        samples[i] *= 0.25F;
        audio.audio[i % 2][i / 2] = samples[i];
        sum->audio[i % 2][i / 2] += samples[i];
    }
    char name[40];
    snprintf(name, sizeof name, "%s/%s.wav", names[0], source);
    data_folder_audio(folder, name, RATE, 2, samples, LIVE_FRAMES);
    free(samples);
    return audio;
}

/* Return the ratio of the vocals that a host hears, without the latency. */
static bsm_sdr measure_live(const bsm_stream_options *live, const signal *mixture,
                            const signal *vocals)
{
    bsm_stream *stream = open_stream(model, live);
    const size_t latency = bsm_stream_latency(stream);
    stream_result heard = play_signal(stream, mixture, 0);
    const float *const target[] = {vocals->audio[0], vocals->audio[1]};
    const float *const estimate[] = {heard.vocals.audio[0] + latency,
                                     heard.vocals.audio[1] + latency};
    bsm_metrics *metrics;
    assert_int_equal(bsm_metrics_new(RATE, 2, &metrics, NULL), BSM_OK);
    assert_int_equal(bsm_metrics_add(metrics, target, estimate, LIVE_FRAMES, NULL), BSM_OK);
    const bsm_sdr sdr = bsm_metrics_finish(metrics);
    bsm_metrics_free(metrics);
    bsm_stream_free(stream);
    free_result(&heard);
    return sdr;
}

static void test_stream_is_what_the_live_engine_gives(void **state)
{
    (void)state;
    remove_b();
    use_hash_model();
    signal mixture = new_signal(LIVE_FRAMES);
    signal vocals = write_live_source("vocals", &mixture);
    signal other = write_live_source("other", &mixture);
    bsm_validate_options options = options_of_test();
    bsm_stream_options live = {
        .sample_rate = RATE, .device = BSM_DEVICE_CPU, .threads = 1, .freewheel = true};
    live.commit = options.commit = 30;
    live.lookahead = options.lookahead = 12;
    for (bsm_memory memory = BSM_MEMORY_MODEL; memory <= BSM_MEMORY_BOUNDED; memory++) {
        live.memory = options.memory = memory;
        live.history = options.history = memory == BSM_MEMORY_BOUNDED ? 17 : 0;
        validate(&options);
        const bsm_sdr heard = measure_live(&live, &mixture, &vocals);
        assert_int_equal(heard.frames, 2);
        assert_true(relative_error(&validation->results[0].sdr, &heard) < 1e-9);
        assert_near(validation->results[0].sdr.csdr, heard.csdr, 1e-9);
    }
    free_signal(&mixture);
    free_signal(&vocals);
    free_signal(&other);
}

/* ---- Stopping and failing ---- */

typedef struct stop_at {
    size_t calls, limit, last_number;
} stop_at;

static bool count_calls(void *user, const char *track, size_t number, size_t of)
{
    stop_at *stop = user;
    assert_string_equal(track, names[number]);
    assert_int_equal(of, 2);
    assert_true(number >= stop->last_number);
    stop->last_number = number;
    return ++stop->calls != stop->limit;
}

static void test_progress_and_stopping(void **state)
{
    (void)state;
    const bsm_validate_options options = options_of_test();
    stop_at whole = {0};
    assert_int_equal(bsm_validate(model, &options, count_calls, &whole, &validation, NULL), BSM_OK);
    assert_int_equal(whole.last_number, 1);
    assert_true(whole.calls > 2 * 3); /* also within tracks */
    for (size_t limit = 1; limit <= whole.calls; limit += limit < 5 ? 1 : 7) {
        stop_at stop = {.limit = limit};
        bsm_validation *none;
        bsm_error error;
        assert_int_equal(bsm_validate(model, &options, count_calls, &stop, &none, &error),
                         BSM_CANCELLED);
        assert_null(none);
        assert_non_null(strstr(error.message, folder));
        assert_int_equal(stop.calls, limit);
    }
}

static void test_options_out_of_range(void **state)
{
    (void)state;
    bsm_validate_options options = options_of_test();
    options.duration = 100;
    validate_fails(&options, BSM_INVALID_ARGUMENT, "100");
    options = options_of_test();
    options.overlap = 1;
    validate_fails(&options, BSM_INVALID_ARGUMENT, "overlap");
    options = options_of_test();
    options.lookahead = 5;
    validate_fails(&options, BSM_INVALID_ARGUMENT, "commits 0");
    options = options_of_test();
    options.max_seconds = -1;
    validate_fails(&options, BSM_INVALID_ARGUMENT, "-1 s of each track");
    options = options_of_test();
    options.subset = BSM_SUBSET_TEST;
    validate_fails(&options, BSM_NOT_FOUND, folder);
    options = options_of_test();
    options.sources = (const char *const[]){"drums", "other"};
    validate_fails(&options, BSM_INVALID_ARGUMENT, "\"vocals\"");
}

static void test_bad_track_ends_it(void **state)
{
    (void)state;
    const bsm_validate_options options = options_of_test();
    data_folder_file(folder, "valid/C/vocals.wav");
    validate_fails(&options, BSM_BAD_AUDIO, "valid/C/vocals.wav");
}

static void test_output_that_is_not_finite(void **state)
{
    (void)state;
    const bsm_tensor *bias = bsm_model_find(model, "mask_estimators.0.to_freqs.0.0.2.bias");
    assert_non_null(bias);
    ((float *)(uintptr_t)bias->data)[0] = NAN; /* the memory belongs to the test's own model */
    const bsm_validate_options options = options_of_test();
    validate_fails(&options, BSM_BAD_MODEL, "valid/A: the network's output at 0.0 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_excerpts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stream_over_a_whole_track_is_a_window, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stream_is_what_the_live_engine_gives, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_progress_and_stopping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_options_out_of_range, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_track_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_output_that_is_not_finite, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
