/* SPDX-License-Identifier: ISC */
/* Compares the transform with its definition, with golden data, and with its own inverse. */
#include "bsm/stft.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "noise.h"
#include "signal/frames.h"

typedef struct sizes {
    size_t n_fft, hop, channels, samples;
} sizes;

static const sizes cases[] = {
    {2048, 441, 2, 5000}, {2048, 441, 2, 1}, {2048, 441, 1, 2},  {2048, 441, 2, 1024},
    {2048, 441, 2, 1025}, {2, 1, 1, 7},      {2, 2, 2, 8},       {3, 1, 2, 10},
    {3, 3, 1, 9},         {9, 4, 2, 40},     {15, 15, 1, 100},   {16, 16, 2, 64},
    {64, 48, 2, 333},     {101, 25, 2, 700}, {63, 7, 3, 63},     {1000, 250, 1, 1999},
    {77, 1, 1, 100},      {30, 11, 2, 4},    {2047, 441, 1, 882}};
enum { NUM_CASES = sizeof cases / sizeof cases[0] };

typedef struct setup {
    sizes size;
    size_t bins, frames;
    bsm_stft *stft;
    float *channels[8];
    float *spectrum;
} setup;

static float **planar(size_t channels, size_t samples)
{
    float **audio = calloc(channels, sizeof *audio);
    for (size_t c = 0; c < channels; c++) {
        audio[c] = calloc(samples, sizeof **audio);
    }
    return audio;
}

static void planar_free(float **audio, size_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        free(audio[c]);
    }
    free(audio);
}

static setup set_up(sizes size, uint64_t seed)
{
    setup s = {.size = size, .bins = size.n_fft / 2 + 1};
    assert_int_equal(bsm_stft_new(size.n_fft, size.hop, size.channels, &s.stft, NULL), BSM_OK);
    s.frames = bsm_stft_frames(s.stft, size.samples);
    assert_int_equal(s.frames, 1 + size.samples / size.hop);
    for (size_t c = 0; c < size.channels; c++) {
        s.channels[c] = malloc(size.samples * sizeof(float));
        noise_fill(&seed, s.channels[c], size.samples);
    }
    s.spectrum = malloc(s.frames * s.bins * size.channels * 2 * sizeof(float));
    bsm_stft_forward(s.stft, (const float *const *)s.channels, size.samples, s.spectrum);
    return s;
}

static void tear_down(setup *s)
{
    bsm_stft_free(s->stft);
    for (size_t c = 0; c < s->size.channels; c++) {
        free(s->channels[c]);
    }
    free(s->spectrum);
}

/* Reflect a position by walking from sample 0 and turning at the ends. */
static size_t walk(long position, size_t samples)
{
    long at = 0, step = position < 0 ? -1 : 1;
    long direction = 1;
    for (long i = 0; i != position && samples > 1; i += step) {
        if (at + direction < 0 || at + direction >= (long)samples) {
            direction = -direction;
        }
        at += direction;
    }
    return (size_t)at;
}

/* Compute frame f of channel c by the definition, in double. */
static void definition(const setup *s, size_t f, size_t c, double *out)
{
    const size_t n = s->size.n_fft;
    double *x = malloc(n * sizeof *x), *cosine = malloc(n * sizeof *cosine);
    for (size_t i = 0; i < n; i++) {
        size_t from = walk((long)(f * s->size.hop + i) - (long)(n / 2), s->size.samples);
        cosine[i] = cos(2 * M_PI * (double)i / (double)n);
        x[i] = (double)s->channels[c][from] * (0.5 - 0.5 * cosine[i]);
    }
    for (size_t k = 0; k < s->bins; k++) {
        double re = 0, im = 0;
        for (size_t i = 0; i < n; i++) {
            double phase = -2 * M_PI * (double)(i * k % n) / (double)n;
            re += x[i] * cosine[i * k % n];
            im += x[i] * sin(phase);
        }
        out[2 * k] = re;
        out[2 * k + 1] = im;
    }
    free(x);
    free(cosine);
}

static void test_forward_is_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_CASES; i++) {
        setup s = set_up(cases[i], 1 + i);
        double *expected = malloc(s.bins * 2 * sizeof *expected);
        double difference = 0, norm = 0;
        size_t step = s.size.n_fft > 500 ? (s.frames + 1) / 2 : 1; /* to save time */
        for (size_t f = 0; f < s.frames; f += step) {
            for (size_t c = 0; c < s.size.channels; c++) {
                definition(&s, f, c, expected);
                for (size_t k = 0; k < 2 * s.bins; k++) {
                    size_t at = ((f * s.bins + k / 2) * s.size.channels + c) * 2 + k % 2;
                    difference += pow((double)s.spectrum[at] - expected[k], 2);
                    norm += expected[k] * expected[k];
                }
            }
        }
        if (!(sqrt(difference / norm) < 1e-6)) {
            fail_msg("n_fft %zu hop %zu: relative error %g", s.size.n_fft, s.size.hop,
                     sqrt(difference / norm));
        }
        free(expected);
        tear_down(&s);
    }
}

static void test_forward_is_golden(void **state)
{
    (void)state;
    golden *file = golden_open("tiny.inference.thin.safetensors");
    golden_tensor input = golden_find(file, "input"), stft = golden_find(file, "stft");
    const size_t samples = input.shape[1], kept = stft.shape[1], frames = stft.shape[2];
    const size_t step = (size_t)atoi(golden_metadata(file, "bin_step"));
    bsm_stft *transform;
    assert_int_equal(bsm_stft_new(2048, 441, 2, &transform, NULL), BSM_OK);
    assert_int_equal(bsm_stft_frames(transform, samples), frames);
    float *spectrum = malloc(frames * 1025 * 4 * sizeof *spectrum);
    const float *audio[] = {input.data, input.data + samples};
    bsm_stft_forward(transform, audio, samples, spectrum);
    float *arranged = malloc(stft.count * sizeof *arranged);
    for (size_t i = 0; i < stft.count; i++) {
        size_t part = i % 2, f = i / 2 % frames, k = i / 2 / frames % kept;
        size_t c = i / 2 / frames / kept;
        arranged[i] = spectrum[((f * 1025 + k * step) * 2 + c) * 2 + part];
    }
    assert_true(golden_relative_error(arranged, stft.data, stft.count) < 1e-6);
    free(arranged);
    free(spectrum);
    bsm_stft_free(transform);
    golden_close(file);
}

/* Return the sum of the squared windows at a sample. If it is small, the spectrum contains little
 * of the sample, and its reconstruction is correspondingly imprecise. */
static double window_sum(const setup *s, size_t sample)
{
    double sum = 0;
    for (size_t f = 0; f < s->frames; f++) {
        double i = (double)sample - (double)(f * s->size.hop) + (double)(s->size.n_fft / 2);
        if (i >= 0 && i < (double)s->size.n_fft) {
            sum += pow(sin(M_PI * i / (double)s->size.n_fft), 4);
        }
    }
    return sum;
}

static void test_inverse_undoes_forward(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_CASES; i++) {
        setup s = set_up(cases[i], 100 + i);
        float **audio = planar(s.size.channels, s.size.samples);
        bsm_stft_inverse(s.stft, s.spectrum, s.frames, audio, s.size.samples);
        for (size_t t = 0; t < s.size.samples; t++) {
            double sum = window_sum(&s, t);
            for (size_t c = 0; c < s.size.channels; c++) {
                double error = fabs((double)audio[c][t] - (double)s.channels[c][t]);
                if (sum < 0.5e-11) {
                    assert_true(audio[c][t] == 0.0F);
                } else if (sum > 1e-6 && !(error < 1e-6 + 1e-6 / sqrt(sum))) {
                    fail_msg("n_fft %zu hop %zu sample %zu: error %g, window sum %g", s.size.n_fft,
                             s.size.hop, t, error, sum);
                }
            }
        }
        planar_free(audio, s.size.channels);
        tear_down(&s);
    }
}

/* Frames that are added one by one, and the end, are bit-identical to the whole inverse. */
static void test_frames_add_up_to_the_inverse(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_CASES; i++) {
        setup s = set_up(cases[i], 200 + i);
        const size_t n_fft = s.size.n_fft, hop = s.size.hop, half = n_fft / 2;
        const size_t padded = (s.frames - 1) * hop + n_fft;
        const size_t total = padded - half > s.size.samples ? padded - half : s.size.samples;
        float **whole = planar(s.size.channels, total);
        float **added = planar(s.size.channels, padded), *out[8];
        bsm_stft_inverse(s.stft, s.spectrum, s.frames, whole, total);
        bsm_overlap_add *ola;
        assert_int_equal(bsm_overlap_add_new(n_fft, hop, s.size.channels, 1, 0, &ola, NULL),
                         BSM_OK);
        for (int round = 0; round < 2; round++) {
            bsm_overlap_add_reset(ola);
            for (size_t f = 0; f <= s.frames; f++) {
                for (size_t c = 0; c < s.size.channels; c++) {
                    out[c] = added[c] + f * hop;
                }
                if (f < s.frames) {
                    bsm_stft_synthesise(s.stft, s.spectrum + f * s.bins * s.size.channels * 2,
                                        bsm_overlap_add_sums(ola));
                    bsm_overlap_add_take(ola, 1, out);
                } else {
                    bsm_overlap_add_finish(ola, out);
                }
            }
            for (size_t c = 0; c < s.size.channels; c++) {
                assert_memory_equal(added[c] + half, whole[c], (padded - half) * sizeof(float));
            }
        }
        bsm_overlap_add_free(ola);
        planar_free(whole, s.size.channels);
        planar_free(added, s.size.channels);
        tear_down(&s);
    }
}

static void test_analyse_is_a_frame_of_forward(void **state)
{
    (void)state;
    setup s = set_up((sizes){64, 10, 2, 500}, 7);
    const size_t floats = s.bins * 4;
    float *frame = malloc(floats * sizeof *frame);
    for (size_t f = 4; f * 10 + 32 <= 500; f++) {
        const float *audio[] = {s.channels[0] + f * 10 - 32, s.channels[1] + f * 10 - 32};
        bsm_stft_analyse(s.stft, audio, frame);
        assert_memory_equal(frame, s.spectrum + f * floats, floats * sizeof *frame);
    }
    free(frame);
    tear_down(&s);
}

/* A real signal does not use the imaginary part of its first and last bin, but a mask may put
 * something there. */
static void test_imaginary_ends_do_not_count(void **state)
{
    (void)state;
    for (size_t n_fft = 15; n_fft <= 16; n_fft++) {
        setup s = set_up((sizes){n_fft, 4, 1, 50}, 8);
        float **before = planar(1, 50), **after = planar(1, 50);
        bsm_stft_inverse(s.stft, s.spectrum, s.frames, before, 50);
        for (size_t f = 0; f < s.frames; f++) {
            s.spectrum[f * s.bins * 2 + 1] += 3.0F;
            if (n_fft % 2 == 0) {
                s.spectrum[(f * s.bins + s.bins - 1) * 2 + 1] -= 2.0F;
            }
        }
        bsm_stft_inverse(s.stft, s.spectrum, s.frames, after, 50);
        assert_memory_equal(before[0], after[0], 50 * sizeof(float));
        planar_free(before, 1);
        planar_free(after, 1);
        tear_down(&s);
    }
}

/* Return the largest sample after the last of two frames' centres, if each frame is 1 in its whole
 * window, as a mask may leave it. */
static float at_the_foot(size_t n_fft, size_t hop, double least_norm)
{
    float *window = bsm_frame_window(n_fft), *taken = calloc(n_fft, sizeof *taken), largest = 0;
    bsm_overlap_add *ola;
    assert_true(window && taken);
    assert_int_equal(bsm_overlap_add_new(n_fft, hop, 1, 1, least_norm, &ola, NULL), BSM_OK);
    for (size_t f = 0; f < 2; f++) {
        for (size_t i = 0; i < n_fft; i++) {
            bsm_overlap_add_sums(ola)[0][i] += window[i];
        }
        bsm_overlap_add_take(ola, 1, &taken);
    }
    bsm_overlap_add_finish(ola, &taken);
    for (size_t i = n_fft / 2 - hop; i < n_fft / 2; i++) {
        largest = fmaxf(largest, fabsf(taken[i]));
    }
    bsm_overlap_add_free(ola);
    free(taken);
    free(window);
    return largest;
}

/* A file that ended between two centres used to end in a burst, where little of a window was
 * left. */
static void test_foot_of_the_last_window_is_no_burst(void **unused)
{
    (void)unused;
    assert_true(at_the_foot(2048, 1024, 0) > 1000);
    assert_true(at_the_foot(2048, 1024, bsm_frame_least_norm(2048, 1024)) < 5);
    assert_float_equal(at_the_foot(2048, 441, bsm_frame_least_norm(2048, 441)),
                       at_the_foot(2048, 441, 0), 0);
}

/* Frames that overlap by little have low norms everywhere, which are not changed. */
static void test_least_norm_is_one_that_frames_have(void **unused)
{
    (void)unused;
    assert_float_equal(bsm_frame_least_norm(2048, 1024), 0.05, 0);
    assert_true(bsm_frame_least_norm(2048, 1900) < 0.05);
    assert_float_equal(bsm_frame_least_norm(16, 16), 0, 0);
}

static void test_bad_sizes_are_refused(void **state)
{
    (void)state;
    const struct {
        size_t n_fft, hop, channels;
        const char *named;
    } bad[] = {{1, 1, 2, "n_fft is 1"},
               {(size_t)1 << 40, 1, 2, "n_fft is"},
               {16, 0, 2, "hop is 0"},
               {16, 17, 2, "hop is 17"},
               {16, 4, 0, "0 channels"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bsm_stft *stft = NULL;
        bsm_overlap_add *ola = NULL;
        bsm_error error = {0};
        assert_int_equal(bsm_stft_new(bad[i].n_fft, bad[i].hop, bad[i].channels, &stft, &error),
                         BSM_INVALID_ARGUMENT);
        assert_non_null(strstr(error.message, bad[i].named));
        assert_int_equal(
            bsm_overlap_add_new(bad[i].n_fft, bad[i].hop, bad[i].channels, 1, 0, &ola, NULL),
            BSM_INVALID_ARGUMENT);
        assert_null(stft);
        assert_null(ola);
    }
    bsm_stft_free(NULL);
    bsm_overlap_add_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_is_the_definition),
        cmocka_unit_test(test_forward_is_golden),
        cmocka_unit_test(test_inverse_undoes_forward),
        cmocka_unit_test(test_frames_add_up_to_the_inverse),
        cmocka_unit_test(test_analyse_is_a_frame_of_forward),
        cmocka_unit_test(test_imaginary_ends_do_not_count),
        cmocka_unit_test(test_foot_of_the_last_window_is_no_burst),
        cmocka_unit_test(test_least_norm_is_one_that_frames_have),
        cmocka_unit_test(test_bad_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
