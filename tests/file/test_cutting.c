/* SPDX-License-Identifier: ISC */
/* Tests how a long signal is cut into windows and blocks, with a network that passes its input
 * on. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/stft.h"
#include "fake.h"
#include "noise.h"
#include "separate/separation.h"
#include "signal/frames.h"
#include "signal/signal.h"

enum { MAX_PLANES = 8 };

/* ---- Running ---- */

typedef struct outcome {
    size_t planes, samples;
    float *audio[MAX_PLANES];
} outcome;

static void outcome_add(outcome *out, float *const *audio, size_t count, size_t capacity)
{
    assert_true(out->samples + count <= capacity);
    for (size_t p = 0; p < out->planes; p++) {
        memcpy(out->audio[p] + out->samples, audio[p], count * sizeof(float));
    }
    out->samples += count;
}

static void outcome_clear(outcome *out)
{
    for (size_t p = 0; p < out->planes; p++) {
        free(out->audio[p]);
    }
}

static bsm_separation separation_of(fake_network *network, fake_signal *signal, bool all_stems)
{
    bsm_separation separation = {.config = &network->config,
                                 .separator = fake_separator(network),
                                 .signal = fake_reader(signal),
                                 .lanes = signal->channels / network->config.channels};
    for (size_t s = 0; s < network->config.num_stems; s++) {
        separation.wanted[s] = all_stems || s == 0;
    }
    return separation;
}

static outcome outcome_for(const bsm_separation *separation, size_t capacity)
{
    outcome out = {.planes = bsm_separation_planes(separation)};
    assert_true(out.planes <= MAX_PLANES);
    for (size_t p = 0; p < out.planes; p++) {
        out.audio[p] = calloc(capacity + 1, sizeof(float));
    }
    return out;
}

static outcome run_windows(fake_network *network, fake_signal *signal, size_t length, size_t step,
                           bool all_stems)
{
    bsm_separation separation = separation_of(network, signal, all_stems);
    outcome out = outcome_for(&separation, signal->samples);
    bsm_windows *windows;
    assert_int_equal(bsm_windows_new(&separation, length, step, &windows, NULL), BSM_OK);
    float *const *audio;
    size_t count = 1;
    while (count > 0) {
        assert_int_equal(bsm_windows_next(windows, &audio, &count, NULL), BSM_OK);
        outcome_add(&out, audio, count, signal->samples);
    }
    bsm_windows_free(windows);
    return out;
}

static outcome run_blocks(fake_network *network, fake_signal *signal, const bsm_block_shape *shape)
{
    bsm_separation separation = separation_of(network, signal, false);
    outcome out = outcome_for(&separation, signal->samples);
    bsm_blocks *blocks;
    assert_int_equal(bsm_blocks_new(&separation, shape, &blocks, NULL), BSM_OK);
    float *const *audio;
    size_t count = 1;
    while (count > 0) {
        assert_int_equal(bsm_blocks_next(blocks, &audio, &count, NULL), BSM_OK);
        outcome_add(&out, audio, count, signal->samples);
    }
    bsm_blocks_free(blocks);
    return out;
}

static void assert_is(const float *actual, const float *expected, float gain, size_t count,
                      const char *what)
{
    for (size_t i = 0; i < count; i++) {
        double error = fabs((double)actual[i] - (double)gain * (double)expected[i]);
        if (!(error < 1e-6)) {
            fail_msg("%s: sample %zu is off by %g", what, i, error);
        }
    }
}

/* ---- Frames ---- */

static void check_frames(size_t n_fft, size_t hop, size_t channels, size_t samples)
{
    const bsm_config config = {.n_fft = n_fft, .hop = hop, .channels = channels};
    fake_signal signal = fake_noise(channels, samples, samples);
    const size_t frames = 1 + samples / hop;
    float **one = bsm_planes_new(channels, n_fft);
    bsm_frame_source *source;
    assert_int_equal(bsm_frame_source_new(&config, fake_reader(&signal), &source, NULL), BSM_OK);
    bool got = true;
    for (size_t f = 0; f <= frames; f++) {
        assert_int_equal(bsm_frame_source_next(source, one, &got, NULL), BSM_OK);
        assert_int_equal(got, f < frames);
        for (size_t i = 0; got && i < n_fft * channels; i++) {
            const ptrdiff_t at = (ptrdiff_t)(f * hop + i / channels) - (ptrdiff_t)(n_fft / 2);
            assert_true(one[i % channels][i / channels] ==
                        signal.audio[i % channels][bsm_frame_reflect(at, samples)]);
        }
    }
    assert_int_equal(bsm_frame_source_length(source), samples);
    bsm_frame_source_free(source);
    free(one);
    fake_signal_clear(&signal);
}

static void test_frames_are_those_of_the_whole(void **state)
{
    (void)state;
    uint64_t seed = 1;
    const size_t lengths[] = {1, 2, 3, 31, 32, 33, 63, 64, 65, 4096, 4224, 9000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        check_frames(64, 16, 2, lengths[i]);
        check_frames(64, 64, 1, lengths[i]);
        check_frames(63, 17, 2, lengths[i]);
        check_frames(2048, 441, 2, lengths[i]);
    }
    for (int i = 0; i < 300; i++) {
        size_t n_fft = noise_size(&seed, 2, 100);
        check_frames(n_fft, noise_size(&seed, 1, n_fft), noise_size(&seed, 1, 2),
                     noise_size(&seed, 1, 10000));
    }
}

/* ---- Windows ---- */

static void check_windows(size_t length, size_t step, size_t samples)
{
    fake_network network = fake_identity(64, 16, 2);
    fake_signal signal = fake_noise(2, samples, samples);
    outcome out = run_windows(&network, &signal, length, step, false);
    assert_int_equal(out.samples, samples);
    assert_is(out.audio[0], signal.audio[0], 1, samples, "left");
    assert_is(out.audio[1], signal.audio[1], 1, samples, "right");
    const size_t expected = samples <= length ? 1 : 1 + (samples - length + step - 1) / step;
    assert_int_equal(network.calls, expected);
    for (size_t i = 0; i < network.calls; i++) {
        assert_int_equal(network.frames[i], 1 + length / 16);
        assert_int_equal(network.commit[i], 0);
    }
    outcome_clear(&out);
    fake_signal_clear(&signal);
}

static void test_windows_add_up(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 2, 99, 100, 101, 150, 199, 200, 201, 1000, 5003};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        check_windows(100, 100, lengths[i]);
        check_windows(100, 50, lengths[i]);
        check_windows(101, 51, lengths[i]);
        check_windows(100, 75, lengths[i]);
        check_windows(100, 10, lengths[i]);
        check_windows(100, 33, lengths[i]);
        check_windows(5000, 5000, 50 * lengths[i]); /* joined in several pieces */
        check_windows(5000, 2500, 50 * lengths[i]);
        check_windows(5000, 700, 50 * lengths[i]);
        check_windows(4097, 2049, 50 * lengths[i]);
        check_windows(64, 1, lengths[i] < 200 ? lengths[i] : 200);
    }
}

/* Without overlap, each window is separated alone, through a transform of its own, and the last one
 * is padded. The ramp makes the network treat each frame differently. */
static void test_windows_without_overlap_are_the_published_evaluation(void **state)
{
    (void)state;
    enum { LENGTH = 400, SAMPLES = 3 * LENGTH + 123, FRAMES = 1 + LENGTH / 16 };
    fake_network network = fake_identity(64, 16, 2);
    network.ramp = 0.25F;
    fake_signal signal = fake_noise(2, SAMPLES, 4);
    outcome out = run_windows(&network, &signal, LENGTH, LENGTH, false);
    assert_int_equal(out.samples, SAMPLES);
    bsm_stft *stft;
    assert_int_equal(bsm_stft_new(64, 16, 2, &stft, NULL), BSM_OK);
    static float spectrum[FRAMES][33 * 4];
    for (size_t start = 0; start < SAMPLES; start += LENGTH) {
        const size_t count = SAMPLES - start < LENGTH ? SAMPLES - start : LENGTH;
        float window[2][LENGTH] = {{0}}, *both[] = {window[0], window[1]};
        memcpy(window[0], signal.audio[0] + start, count * sizeof(float));
        memcpy(window[1], signal.audio[1] + start, count * sizeof(float));
        bsm_stft_forward(stft, (const float *const *)both, LENGTH, spectrum[0]);
        for (size_t f = 0; f < FRAMES; f++) {
            for (size_t i = 0; i < 33 * 4; i++) {
                spectrum[f][i] *= 1 + 0.25F * (float)f;
            }
        }
        bsm_stft_inverse(stft, spectrum[0], FRAMES, both, LENGTH);
        assert_memory_equal(out.audio[0] + start, window[0], count * sizeof(float));
        assert_memory_equal(out.audio[1] + start, window[1], count * sizeof(float));
    }
    bsm_stft_free(stft);
    outcome_clear(&out);
    fake_signal_clear(&signal);
}

/* The network is right in the first window and silent in the second: the crossfade is linear, and
 * the signal's ends are not faded. */
static void test_windows_crossfade(void **state)
{
    (void)state;
    enum { LENGTH = 400, STEP = 300, SAMPLES = 700 };
    fake_network network = fake_identity(64, 16, 1);
    fake_signal signal = fake_noise(1, SAMPLES, 5);
    for (size_t i = 0; i < SAMPLES; i++) {
        signal.audio[0][i] = 1;
    }
    bsm_separation separation = separation_of(&network, &signal, false);
    bsm_windows *windows;
    assert_int_equal(bsm_windows_new(&separation, LENGTH, STEP, &windows, NULL), BSM_OK);
    float *const *audio;
    size_t count;
    assert_int_equal(bsm_windows_next(windows, &audio, &count, NULL), BSM_OK);
    assert_int_equal(count, STEP);
    assert_true(fabs((double)audio[0][0] - 1) < 1e-6);
    network.gain[0] = 0;
    assert_int_equal(bsm_windows_next(windows, &audio, &count, NULL), BSM_OK);
    assert_int_equal(count, LENGTH);
    for (size_t i = 0; i < LENGTH; i++) {
        double expected = i < 100 ? 1 - ((double)i + 0.5) / 100 : 0;
        assert_true(fabs((double)audio[0][i] - expected) < 1e-6);
    }
    bsm_windows_free(windows);
    fake_signal_clear(&signal);
}

static void test_windows_of_two_lanes_and_stems(void **state)
{
    (void)state;
    fake_network network = fake_identity(64, 16, 1); /* a mono network, a stereo signal */
    network.config.num_stems = 2;
    network.gain[1] = -0.5F;
    fake_signal signal = fake_noise(2, 1000, 6);
    outcome out = run_windows(&network, &signal, 300, 150, true);
    assert_int_equal(out.samples, 1000);
    assert_int_equal(out.planes, 4);
    for (size_t p = 0; p < 4; p++) {
        assert_is(out.audio[p], signal.audio[p % 2], p < 2 ? 1 : -0.5F, 1000, "plane");
    }
    outcome_clear(&out);
    fake_signal_clear(&signal);
}

/* ---- Blocks ---- */

/* Return for how many samples from the start an exact inverse and an inverse of masked frames are
 * the same. Only the samples that the edge of the last window alone reaches are not among them. */
static size_t well_covered(const bsm_config *config, size_t samples)
{
    const size_t frames = 1 + samples / config->hop;
    float *window = bsm_frame_window(config->n_fft);
    const size_t covered = (frames - 1) * config->hop + config->n_fft;
    double *norms = calloc(covered, sizeof *norms);
    bsm_frame_add_norms(window, config->n_fft, config->hop, frames, norms);
    const double least = bsm_frame_least_norm(config->n_fft, config->hop);
    size_t count = (frames - 1) * config->hop;
    while (count < samples && config->n_fft / 2 + count < covered &&
           norms[config->n_fft / 2 + count] >= least) {
        count++;
    }
    free(norms);
    free(window);
    return count;
}

/* Check that the result is bit-identical to the transform of the whole signal and its inverse. */
static void assert_is_whole(const outcome *out, const fake_network *network, fake_signal *signal)
{
    const bsm_config *config = &network->config;
    const size_t samples = signal->samples, frames = 1 + samples / config->hop;
    float *spectrum = malloc(frames * bsm_config_features(config) * sizeof *spectrum);
    fake_signal whole = fake_noise(2, samples, 0);
    bsm_stft *stft;
    assert_int_equal(bsm_stft_new(config->n_fft, config->hop, 2, &stft, NULL), BSM_OK);
    bsm_stft_forward(stft, (const float *const *)signal->audio, samples, spectrum);
    bsm_stft_inverse(stft, spectrum, frames, whole.audio, samples);
    const size_t exact = well_covered(config, samples);
    assert_memory_equal(out->audio[0], whole.audio[0], exact * sizeof(float));
    assert_memory_equal(out->audio[1], whole.audio[1], exact * sizeof(float));
    bsm_stft_free(stft);
    fake_signal_clear(&whole);
    free(spectrum);
}

static void check_blocks(size_t n_fft, size_t hop, size_t commit, size_t lookahead, size_t samples)
{
    fake_network network = fake_identity(n_fft, hop, 2);
    fake_signal signal = fake_noise(2, samples, samples);
    const bsm_block_shape shape = {.commit = commit, .lookahead = lookahead};
    outcome out = run_blocks(&network, &signal, &shape);
    assert_int_equal(out.samples, samples);
    const size_t frames = 1 + samples / hop;
    assert_is_whole(&out, &network, &signal);
    assert_int_equal(network.resets, 1);
    assert_int_equal(network.calls, (frames + commit - 1) / commit);
    for (size_t b = 0; b < network.calls; b++) {
        size_t left = frames - b * commit;
        assert_int_equal(network.frames[b], left < commit + lookahead ? left : commit + lookahead);
        assert_int_equal(network.commit[b], left < commit ? left : commit);
    }
    outcome_clear(&out);
    fake_signal_clear(&signal);
}

static void test_blocks_are_those_of_a_stream(void **state)
{
    (void)state;
    uint64_t seed = 2;
    const size_t lengths[] = {1, 15, 16, 31, 32, 33, 100, 160, 1000, 5003};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        check_blocks(64, 16, 1, 0, lengths[i]);
        check_blocks(64, 16, 1, 5, lengths[i]);
        check_blocks(64, 16, 10, 0, lengths[i]);
        check_blocks(64, 16, 10, 10, lengths[i]);
        check_blocks(64, 16, 1000, 1000, lengths[i]);
        check_blocks(64, 64, 2, 1, lengths[i]);
        check_blocks(64, 60, 2, 1, lengths[i]);
    }
    for (int i = 0; i < 200; i++) {
        size_t n_fft = noise_size(&seed, 4, 90);
        check_blocks(n_fft, noise_size(&seed, 1 + n_fft / 20, n_fft), noise_size(&seed, 1, 12),
                     noise_size(&seed, 0, 12), noise_size(&seed, 1, 3000));
    }
}

/* With a history each block is a window of its own, which ends with its look-ahead. */
static void check_history(size_t n_fft, size_t hop, const bsm_block_shape *shape, size_t samples)
{
    fake_network network = fake_identity(n_fft, hop, 2);
    fake_signal signal = fake_noise(2, samples, samples);
    outcome out = run_blocks(&network, &signal, shape);
    const size_t frames = 1 + samples / hop;
    assert_int_equal(out.samples, samples);
    assert_is_whole(&out, &network, &signal);
    assert_int_equal(network.calls, (frames + shape->commit - 1) / shape->commit);
    for (size_t b = 0, done = 0; b < network.calls; b++, done += shape->commit) {
        const size_t past = done < shape->history ? done : shape->history;
        const size_t ahead = shape->commit + shape->lookahead, left = frames - done;
        assert_int_equal(network.frames[b], past + (left < ahead ? left : ahead));
        assert_int_equal(network.commit[b], 0);
    }
    outcome_clear(&out);
    fake_signal_clear(&signal);
}

static void test_blocks_with_a_history(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 300; i++) {
        size_t n_fft = noise_size(&seed, 4, 90);
        bsm_block_shape shape = {.commit = noise_size(&seed, 1, 12),
                                 .lookahead = noise_size(&seed, 0, 12),
                                 .history = noise_size(&seed, 1, 30)};
        size_t hop = noise_size(&seed, 1 + n_fft / 20, n_fft / 2);
        check_history(n_fft, i % 10 ? hop : n_fft, &shape, noise_size(&seed, 1, 2000));
    }
}

/* ---- Failure ---- */

static void test_failures_come_through(void **state)
{
    (void)state;
    fake_network network = fake_identity(64, 16, 2);
    network.fail_at = 2;
    fake_signal signal = fake_noise(2, 1000, 7);
    bsm_separation separation = separation_of(&network, &signal, false);
    bsm_windows *windows;
    bsm_blocks *blocks;
    float *const *audio;
    size_t count;
    assert_int_equal(bsm_windows_new(&separation, 300, 300, &windows, NULL), BSM_OK);
    assert_int_equal(bsm_windows_next(windows, &audio, &count, NULL), BSM_OK);
    assert_int_equal(bsm_windows_next(windows, &audio, &count, NULL), BSM_DEVICE_FAILED);
    bsm_windows_free(windows);
    network.calls = 0;
    signal.position = 0;
    assert_int_equal(bsm_blocks_new(&separation, &(bsm_block_shape){.commit = 10}, &blocks, NULL),
                     BSM_OK);
    assert_int_equal(bsm_blocks_next(blocks, &audio, &count, NULL), BSM_OK);
    assert_int_equal(bsm_blocks_next(blocks, &audio, &count, NULL), BSM_DEVICE_FAILED);
    bsm_blocks_free(blocks);
    bsm_windows_free(NULL);
    bsm_blocks_free(NULL);
    bsm_frame_source_free(NULL);
    fake_signal_clear(&signal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_those_of_the_whole),
        cmocka_unit_test(test_windows_add_up),
        cmocka_unit_test(test_windows_without_overlap_are_the_published_evaluation),
        cmocka_unit_test(test_windows_crossfade),
        cmocka_unit_test(test_windows_of_two_lanes_and_stems),
        cmocka_unit_test(test_blocks_are_those_of_a_stream),
        cmocka_unit_test(test_blocks_with_a_history),
        cmocka_unit_test(test_failures_come_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
