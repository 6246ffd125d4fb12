/* SPDX-License-Identifier: ISC */
/* Tests separating whole files: lengths, rates, channels, sums, and what happens when something
 * goes wrong. */
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake.h"
#include "file/separate.h"
#include "noise.h"
#include "separate/plan.h"
#include "test_folder.h"

static bsm_separate_result result;
static bsm_error error;

static bsm_separate_options plain_options(void)
{
    return (bsm_separate_options){.overlap = -1};
}

/* Write a file of tones below 0.9 of half of the lowest rate, which all resamplers pass. */
static float *write_tones(const char *name, int format, int rate, int channels, size_t frames)
{
    float *samples = malloc((frames + 1) * (size_t)channels * sizeof *samples);
    for (size_t i = 0; i < frames; i++) {
        for (int c = 0; c < channels; c++) {
            double t = (double)i / rate, edge = (double)(i < frames - i ? i : frames - i) / rate;
            double fade = edge < 0.03 ? 0.5 - 0.5 * cos(M_PI * edge / 0.03) : 1;
            samples[i * (size_t)channels + (size_t)c] =
                (float)(fade * (0.4 * sin(2000 * t + c) + 0.3 * sin(9000 * t + 2 * c)));
        }
    }
    fake_write(in_folder(name), format, rate, channels, samples, frames);
    return samples;
}

static bsm_status separate(fake_network *network, const char *name,
                           const bsm_separate_options *options)
{
    memset(&error, 0, sizeof error);
    bsm_separate_result_free(&result);
    return bsm_separate_file_with(fake_separator(network), &network->config, NULL, in_folder(name),
                                  options, &result, &error);
}

/* ---- A network that passes everything on ---- */

/* Check that the vocals are the input within `precision`, and that the sum of both parts is the
 * input within a float's rounding. */
static void check_parts(const float *input, int rate, int channels, size_t frames, double precision)
{
    assert_int_equal(result.num_outputs, 2);
    fake_audio vocals = fake_read(result.outputs[0]), rest = fake_read(result.outputs[1]);
    assert_int_equal(vocals.rate, rate);
    assert_int_equal(rest.rate, rate);
    assert_int_equal(vocals.channels, channels);
    assert_int_equal(rest.channels, channels);
    assert_int_equal(vocals.frames, frames);
    assert_int_equal(rest.frames, frames);
    for (size_t i = 0; i < frames * (size_t)channels; i++) {
        double error_here = fabs((double)vocals.samples[i] - (double)input[i]);
        if (!(error_here < precision)) {
            fail_msg("%d Hz, %d channels, sample %zu: off by %g", rate, channels, i, error_here);
        }
        double sum = (double)vocals.samples[i] + (double)rest.samples[i];
        assert_true(fabs(sum - (double)input[i]) <= 0x1p-24 * fabs((double)rest.samples[i]));
    }
    free(vocals.samples);
    free(rest.samples);
}

static void check_identity(int rate, int channels, size_t model_channels, size_t frames,
                           const bsm_separate_options *options, double precision)
{
    char name[64];
    snprintf(name, sizeof name, "%d-%d-%zu.wav", rate, channels, frames);
    float *input = write_tones(name, SF_FORMAT_WAV | SF_FORMAT_FLOAT, rate, channels, frames);
    fake_network network = fake_identity(256, 64, model_channels);
    bsm_status status = separate(&network, name, options);
    if (status) {
        fail_msg("%s", error.message);
    }
    assert_true(fabs(result.seconds - (double)frames / rate) < 1e-9);
    assert_int_equal(result.nonfinite_samples, 0);
    assert_int_equal(result.missing_seconds == 0, 1);
    check_parts(input, rate, channels, frames, precision);
    free(input);
}

static void test_rates_and_channels(void **state)
{
    (void)state;
    const int rates[] = {8000, 22050, 44100, 48000, 96000, 192000};
    bsm_separate_options options = plain_options(), stream = plain_options();
    options.force = stream.force = true;
    stream.commit = 20;
    stream.lookahead = 10;
    for (size_t i = 0; i < 6; i++) {
        const double precision = rates[i] == 44100 ? 1e-6 : 2e-5;
        for (int channels = 1; channels <= 2; channels++) {
            const size_t frames = (size_t)rates[i] * 13 / 10 + i;
            check_identity(rates[i], channels, 2, frames, &options, precision);
            check_identity(rates[i], channels, 1, frames, &options, precision);
            check_identity(rates[i], channels, 2, frames, &stream, precision);
        }
    }
}

static void test_lengths(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 2, 3, 127, 128, 129, 1000, 22050, 22051, 44100};
    bsm_separate_options options = plain_options(), stream = plain_options();
    options.force = stream.force = true;
    options.window = 0.25;
    stream.commit = 7;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        options.overlap = i % 3 == 0 ? 0 : i % 3 == 1 ? 0.5 : 0.9;
        check_identity(44100, 2, 2, lengths[i], &options, 1e-6);
        check_identity(44100, 2, 2, lengths[i], &stream, 1e-6);
        check_identity(192000, 1, 2, lengths[i], &options, 1); /* the tones are cut off */
    }
}

/* Return the max_frames of a network for these options; 0 if they are out of range. */
static size_t max_frames(const bsm_config *config, const bsm_separate_options *options)
{
    bsm_separate_plan plan;
    bsm_network_options network = {0};
    if (!bsm_separate_plan_make(config, NULL, options, &plan, NULL)) {
        bsm_separate_plan_network(config, &plan, &network);
    }
    return network.max_frames;
}

static void test_windows_of_the_model(void **state)
{
    (void)state;
    float *input = write_tones("song.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2, 88200);
    fake_network network = fake_identity(256, 64, 2); /* segment 0.5 s */
    bsm_separate_options options = plain_options();
    options.force = true;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
    assert_int_equal(network.calls, 7); /* 0.5 s every 0.25 s */
    assert_int_equal(network.frames[0], max_frames(&network.config, &options));
    network.calls = 0;
    options.window = 0.8;
    options.overlap = 0;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
    assert_int_equal(network.calls, 3);
    assert_int_equal(network.frames[0], max_frames(&network.config, &options));
    network.calls = 0;
    options.commit = 100;
    options.lookahead = 50;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
    assert_int_equal(network.frames[0], 150);
    assert_int_equal(max_frames(&network.config, &options), 150);
    free(input);
}

/* ---- Listening ---- */

typedef struct ear {
    size_t rate, channels, samples;
    float vocals[90000], sums[2][90000];
} ear;

static void hear(void *listener, const bsm_separated_block *block)
{
    ear *e = listener;
    e->rate = block->rate;
    e->channels = block->channels;
    for (size_t i = 0; i < block->count; i++) {
        for (size_t c = 0; c < block->channels; c++) {
            e->sums[c][e->samples + i] = block->vocals[c][i] + block->instrumental[c][i];
        }
        e->vocals[e->samples + i] = block->vocals[0][i];
    }
    e->samples += block->count;
}

static void test_listener_hears_what_is_written(void **state)
{
    (void)state;
    static ear e;
    float *input = write_tones("song.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 48000, 2, 80001);
    fake_network network = fake_identity(256, 64, 2);
    network.gain[0] = 0.5F;
    bsm_separate_options options = plain_options();
    options.force = true;
    options.listen = hear;
    options.listener = &e;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
    assert_int_equal(e.rate, 48000);
    assert_int_equal(e.channels, 2);
    assert_int_equal(e.samples, 80001);
    fake_audio vocals = fake_read(result.outputs[0]);
    for (size_t i = 0; i < 80001; i++) {
        assert_true(e.vocals[i] == vocals.samples[2 * i]);
        assert_true(fabsf(e.sums[0][i] - input[2 * i]) < 1e-6F);
        assert_true(fabsf(e.sums[1][i] - input[2 * i + 1]) < 1e-6F);
    }
    free(vocals.samples);
    free(input);
}

/* ---- Outputs ---- */

static void test_stems(void **state)
{
    (void)state;
    float *input = write_tones("song.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2, 30000);
    fake_network network = fake_identity(256, 64, 2);
    network.config.num_stems = 3;
    strcpy(network.config.stems[0], "drums");
    strcpy(network.config.stems[1], "vocals");
    strcpy(network.config.stems[2], "instrumental");
    network.gain[0] = 0.5F;
    network.gain[1] = 0.25F;
    network.gain[2] = 2;
    bsm_separate_options options = plain_options();
    options.all_stems = true;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
    const struct {
        const char *name;
        float gain;
    } expected[] = {{"song.vocals.wav", 0.25F},
                    {"song.instrumental.wav", 0.75F},
                    {"song.drums.wav", 0.5F},
                    {"song.instrumental-stem.wav", 2}};
    assert_int_equal(result.num_outputs, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(result.outputs[i], in_folder(expected[i].name));
        fake_audio part = fake_read(path);
        for (size_t t = 0; t < 60000; t++) {
            assert_true(fabsf(part.samples[t] - expected[i].gain * input[t]) < 1e-5F);
        }
        free(part.samples);
    }
    options.all_stems = false;
    options.force = true;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
    assert_int_equal(result.num_outputs, 2);
    free(input);
}

/* For integer formats the instrumental is exact: the sum of both files is the input's integers. */
static void test_integer_sums_are_exact(void **state)
{
    (void)state;
    for (int bits = 16; bits <= 24; bits += 8) {
        const int pcm = bits == 16 ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24;
        free(write_tones("song.wav", SF_FORMAT_WAV | pcm, 48000, 2, 50000));
        fake_audio input = fake_read(path);
        fake_network network = fake_identity(256, 64, 2);
        network.gain[0] = 0.3F;
        bsm_separate_options options = plain_options();
        options.force = true;
        options.format = BSM_FILE_FLAC;
        options.bits = bits;
        assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
        assert_int_equal(result.clipped_samples, 0);
        fake_audio vocals = fake_read(result.outputs[0]), rest = fake_read(result.outputs[1]);
        assert_int_equal(vocals.format & SF_FORMAT_SUBMASK, pcm);
        for (size_t i = 0; i < 100000; i++) {
            assert_true(vocals.samples[i] + rest.samples[i] == input.samples[i]);
        }
        free(input.samples);
        free(vocals.samples);
        free(rest.samples);
    }
}

static void test_existing_outputs_are_kept(void **state)
{
    (void)state;
    free(write_tones("song.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2, 30000));
    FILE *old = fopen(in_folder("song.instrumental.wav"), "w");
    fclose(old);
    fake_network network = fake_identity(256, 64, 2);
    bsm_separate_options options = plain_options();
    assert_int_equal(separate(&network, "song.wav", &options), BSM_EXISTS);
    assert_true(result.output_failed);
    assert_non_null(strstr(error.message, "song.instrumental.wav: exists already"));
    assert_int_equal(network.calls, 0);
    assert_int_equal(fake_count_files(folder, ""), 2);
    options.force = true;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
    assert_int_equal(fake_count_files(folder, ""), 3);
    fake_audio rest = fake_read(in_folder("song.instrumental.wav"));
    assert_int_equal(rest.frames, 30000);
    free(rest.samples);
}

static void test_another_folder(void **state)
{
    (void)state;
    free(write_tones("song.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 1, 300));
    char *other = fake_folder();
    fake_network network = fake_identity(256, 64, 2);
    bsm_separate_options options = plain_options();
    options.output_dir = other;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_OK);
    assert_int_equal(fake_count_files(other, ".wav"), 2);
    options.output_dir = "/nonexistent/folder";
    assert_int_equal(separate(&network, "song.wav", &options), BSM_NOT_FOUND);
    assert_true(result.output_failed);
    assert_int_equal(separate(&network, "none.wav", &options), BSM_NOT_FOUND);
    assert_false(result.output_failed);
    fake_folder_remove(other);
}

/* ---- Odd inputs ---- */

static void test_nonfinite_samples(void **state)
{
    (void)state;
    static float samples[2 * 1000];
    samples[500] = NAN;
    samples[501] = INFINITY;
    fake_write(in_folder("nan.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, 48000, 2, samples, 1000);
    fake_network network = fake_identity(256, 64, 2);
    bsm_separate_options options = plain_options();
    assert_int_equal(separate(&network, "nan.wav", &options), BSM_OK);
    assert_int_equal(result.nonfinite_samples, 2);
    fake_audio rest = fake_read(result.outputs[1]);
    for (size_t i = 0; i < 2000; i++) {
        assert_true(fabsf(rest.samples[i]) < 1e-6F);
    }
    free(rest.samples);
}

static void test_truncated_file(void **state)
{
    (void)state;
    uint64_t seed = 1;
    static float noise[100000];
    noise_fill(&seed, noise, 100000);
    fake_write(in_folder("cut.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 48000, 1, noise, 100000);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size / 3), 0);
    fake_network network = fake_identity(256, 64, 2);
    bsm_separate_options options = plain_options();
    assert_int_equal(separate(&network, "cut.flac", &options), BSM_OK);
    fake_audio vocals = fake_read(result.outputs[0]);
    assert_in_range(vocals.frames, 25000, 35000);
    assert_float_equal(result.missing_seconds, (double)(100000 - vocals.frames) / 48000, 1e-5);
    free(vocals.samples);
}

static bool no_total(void *user, const bsm_progress *progress)
{
    int *calls = user;
    assert_true(progress->total == 0);
    return ++*calls > 0;
}

/* A FLAC file that was written as a stream has a length of 0 in its header. */
static void test_unknown_length(void **state)
{
    (void)state;
    free(write_tones("stream.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, 50000));
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    /* keep 4 bits, which belong to the sample size, and clear the 36 of the length */
    assert_int_equal(fseek(file, 21, SEEK_SET), 0);
    assert_int_equal(fwrite("\xf0\0\0\0", 1, 5, file), 5);
    assert_int_equal(fclose(file), 0);
    fake_network network = fake_identity(256, 64, 2);
    int calls = 0;
    bsm_separate_options options = plain_options();
    options.progress = no_total;
    options.user = &calls;
    assert_int_equal(separate(&network, "stream.flac", &options), BSM_OK);
    assert_true(calls > 1);
    assert_int_equal(result.missing_seconds == 0, 1);
    fake_audio vocals = fake_read(result.outputs[0]);
    /* not RF64: below 4 GB */
    assert_int_equal(vocals.format & SF_FORMAT_TYPEMASK, SF_FORMAT_WAVEX);
    assert_int_equal(vocals.frames, 50000);
    free(vocals.samples);
}

/* ---- Failures leave nothing behind ---- */

static bool count_down(void *user, const bsm_progress *progress)
{
    assert_true(progress->total > 2.26 && progress->total < 2.28);
    assert_true(progress->done >= 0 && progress->done <= progress->total);
    int *calls = user;
    return --*calls > 0;
}

static void test_cancelling(void **state)
{
    (void)state;
    free(write_tones("song.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2, 100000));
    fake_network network = fake_identity(256, 64, 2);
    bsm_separate_options options = plain_options();
    int calls = 4;
    options.progress = count_down;
    options.user = &calls;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_CANCELLED);
    assert_int_equal(network.calls, 3);
    assert_int_equal(fake_count_files(folder, ""), 1);
}

static void test_failing_network(void **state)
{
    (void)state;
    free(write_tones("song.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2, 100000));
    fake_network network = fake_identity(256, 64, 2);
    network.fail_at = 3;
    bsm_separate_options options = plain_options();
    assert_int_equal(separate(&network, "song.wav", &options), BSM_DEVICE_FAILED);
    assert_int_equal(fake_count_files(folder, ""), 1);
    network.fail_at = 0;
    network.gain[0] = NAN;
    assert_int_equal(separate(&network, "song.wav", &options), BSM_BAD_AUDIO);
    assert_non_null(strstr(error.message, "song.wav: "));
    assert_non_null(strstr(error.message, "at 0.0 s"));
    assert_non_null(strstr(error.message, "not finite"));
    assert_false(result.output_failed);
    assert_int_equal(fake_count_files(folder, ""), 1);
}

static void test_bad_options(void **state)
{
    (void)state;
    free(write_tones("song.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2, 1000));
    const struct {
        bsm_separate_options options;
        const char *named;
    } cases[] = {
        {{.window = 0.001}, "window is 0.001"},
        {{.window = 1e9}, "window is 1e+09"},
        {{.window = 60.1}, "window is 60.1 s, not"},
        {{.commit = 6001}, "commits 6001 frames"},
        {{.commit = 1, .lookahead = 6001}, "looks 6001 ahead"},
        {{.window = NAN}, "window is nan"},
        {{.overlap = 0.95}, "overlap is 0.95"},
        {{.overlap = NAN}, "overlap is nan"},
        {{.lookahead = 3}, "commits 0 frames"},
        {{.commit = 1, .lookahead = SIZE_MAX}, "looks 18446744073709551615 ahead"},
        {{.commit = SIZE_MAX}, "commits 18446744073709551615"},
        {{.bits = 8}, "not 8"},
        {{.format = BSM_FILE_FLAC, .bits = 32}, "not 32"},
        {{.format = BSM_FILE_OGG, .bits = 16}, "Ogg Vorbis"},
        {{.format = (bsm_file_format)9}, "format 9"},
    };
    fake_network network = fake_identity(256, 64, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(max_frames(&network.config, &cases[i].options), 0);
        assert_int_equal(separate(&network, "song.wav", &cases[i].options), BSM_INVALID_ARGUMENT);
        if (!strstr(error.message, cases[i].named)) {
            fail_msg("unexpected message: %s", error.message);
        }
    }
    fake_network mono = fake_identity(256, 64, 1);
    bsm_separate_options stream = {.commit = 10};
    assert_int_equal(separate(&mono, "song.wav", &stream), BSM_UNSUPPORTED);
    assert_int_equal(fake_count_files(folder, ""), 1);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up_folder, tear_down_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_rates_and_channels),
        IN_FOLDER(test_lengths),
        IN_FOLDER(test_windows_of_the_model),
        IN_FOLDER(test_listener_hears_what_is_written),
        IN_FOLDER(test_stems),
        IN_FOLDER(test_integer_sums_are_exact),
        IN_FOLDER(test_existing_outputs_are_kept),
        IN_FOLDER(test_another_folder),
        IN_FOLDER(test_nonfinite_samples),
        IN_FOLDER(test_truncated_file),
        IN_FOLDER(test_unknown_length),
        IN_FOLDER(test_cancelling),
        IN_FOLDER(test_failing_network),
        IN_FOLDER(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
