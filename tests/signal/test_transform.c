/* SPDX-License-Identifier: ISC */
/* Tests the transform on several threads: against the single frames of bsm/stft.h, and its
 * gradients by the definition of an adjoint: <A x, y> = <x, A' y>. */
#include "signal/transform.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/stft.h"
#include "golden.h"
#include "noise.h"
#include "signal/frames.h"

typedef struct sizes {
    size_t n_fft, window, hop, channels, samples;
} sizes;

static const sizes cases[] = {{2048, 2048, 441, 2, 5000},
                              {2048, 512, 147, 2, 6000},
                              {4096, 4096, 147, 2, 5000},
                              {2048, 2047, 441, 1, 2048},
                              {2048, 256, 147, 1, 1},
                              {2, 2, 1, 1, 7},
                              {2, 2, 2, 2, 8},
                              {3, 2, 1, 2, 10},
                              {3, 3, 3, 1, 9},
                              {9, 4, 4, 2, 40},
                              {15, 15, 15, 1, 100},
                              {16, 5, 7, 2, 64},
                              {64, 48, 48, 2, 333},
                              {101, 33, 25, 2, 700},
                              {63, 63, 7, 3, 63},
                              {77, 77, 1, 1, 100},
                              {30, 29, 11, 2, 4},
                              {1000, 250, 250, 1, 1999},
                              {4, 4, 1, 1, 50},
                              {8, 7, 3, 2, 90},
                              {12, 12, 5, 2, 100},
                              {1024, 1022, 300, 2, 9000},
                              {462, 400, 200, 1, 5000}};
enum { NUM_CASES = sizeof cases / sizeof cases[0], MAX_CHANNELS = 3 };

/* A transform, with a random signal and a random spectrum of its sizes. */
typedef struct setup {
    sizes size;
    bsm_transform *transform;
    size_t values, floats; /* of the spectrum: complex numbers, and floats */
    float *audio[MAX_CHANNELS], *spectrum;
} setup;

/* All tests but that of bad sizes run with each instruction set in turn. */
static const bsm_lanes_kernels *kernels;

static setup set_up(sizes size, size_t threads, uint64_t seed)
{
    setup s = {.size = size};
    const bsm_transform_options options = {size.n_fft,   size.window, size.hop, size.channels,
                                           size.samples, threads,     true,     kernels};
    assert_int_equal(bsm_transform_new(&options, &s.transform, NULL), BSM_OK);
    assert_int_equal(bsm_transform_frames(s.transform), 1 + size.samples / size.hop);
    s.values = bsm_transform_frames(s.transform) * (size.n_fft / 2 + 1) * size.channels;
    s.floats = 2 * s.values;
    s.spectrum = malloc(s.floats * sizeof *s.spectrum);
    noise_fill(&seed, s.spectrum, s.floats);
    for (size_t c = 0; c < size.channels; c++) {
        s.audio[c] = malloc(size.samples * sizeof(float));
        noise_fill(&seed, s.audio[c], size.samples);
    }
    return s;
}

static void tear_down(setup *s)
{
    bsm_transform_free(s->transform);
    free(s->spectrum);
    for (size_t c = 0; c < s->size.channels; c++) {
        free(s->audio[c]);
    }
}

static float *spectrum_like(const setup *s)
{
    float *spectrum = malloc(s->floats * sizeof *spectrum);
    memset(spectrum, 0xff, s->floats * sizeof *spectrum); /* NaN, to find what is not written */
    return spectrum;
}

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

static double audio_dot(const setup *s, float *const *a, float *const *b)
{
    double sum = 0;
    for (size_t c = 0; c < s->size.channels; c++) {
        sum += dot(a[c], b[c], s->size.samples);
    }
    return sum;
}

/* Check that numbers are equal except for rounding, after sums of products of size `scale`. */
static void assert_close(double a, double b, double scale)
{
    if (!(fabs(a - b) <= 1e-5 * scale)) {
        fail_msg("%.9g and %.9g", a, b);
    }
}

/* Compute bin k of frame f by the definition, in double. */
static void definition(const setup *s, size_t f, size_t k, size_t c, double *re, double *im)
{
    const sizes *z = &s->size;
    *re = *im = 0;
    for (size_t i = 0; i < z->window; i++) {
        size_t n = (z->n_fft - z->window) / 2 + i;
        ptrdiff_t at = (ptrdiff_t)(f * z->hop + n) - (ptrdiff_t)(z->n_fft / 2);
        double wave = sin(M_PI * (double)i / (double)z->window);
        double value = wave * wave * (double)s->audio[c][bsm_frame_reflect(at, z->samples)];
        double angle = 2 * M_PI * (double)(k * n % z->n_fft) / (double)z->n_fft;
        *re += value * cos(angle);
        *im -= value * sin(angle);
    }
}

static void test_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_CASES; i++) {
        setup s = set_up(cases[i], 2, i);
        float *spectrum = spectrum_like(&s);
        const size_t bins = s.size.n_fft / 2 + 1, channels = s.size.channels;
        bsm_transform_forward(s.transform, (const float *const *)s.audio, spectrum);
        uint64_t seed = i;
        for (size_t n = 0; n < 50; n++) {
            size_t f = noise_size(&seed, 0, s.values / bins / channels - 1);
            size_t k = noise_size(&seed, 0, bins - 1), c = noise_size(&seed, 0, channels - 1);
            const float *z = spectrum + 2 * ((f * bins + k) * channels + c);
            double re, im;
            definition(&s, f, k, c, &re, &im);
            assert_close((double)z[0], re, sqrt((double)s.size.window));
            assert_close((double)z[1], im, sqrt((double)s.size.window));
        }
        free(spectrum);
        tear_down(&s);
    }
}

/* With a window as long as the frame, it is the transform of bsm/stft.h, and so is the inverse. */
static void test_stft(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_CASES; i++) {
        if (cases[i].window < cases[i].n_fft) {
            continue;
        }
        setup s = set_up(cases[i], 2, i);
        const size_t samples = s.size.samples, channels = s.size.channels;
        bsm_stft *stft;
        assert_int_equal(bsm_stft_new(s.size.n_fft, s.size.hop, channels, &stft, NULL), BSM_OK);
        float *ours = spectrum_like(&s), *theirs = spectrum_like(&s);
        bsm_transform_forward(s.transform, (const float *const *)s.audio, ours);
        bsm_stft_forward(stft, (const float *const *)s.audio, samples, theirs);
        assert_true(golden_relative_error(ours, theirs, s.floats) < 1e-6);

        size_t frames = bsm_stft_frames(stft, samples);
        float *waves = calloc(2 * channels * samples, sizeof *waves), *a[MAX_CHANNELS],
              *b[MAX_CHANNELS];
        for (size_t c = 0; c < channels; c++) {
            a[c] = waves + c * samples;
            b[c] = waves + (channels + c) * samples;
        }
        bsm_transform_inverse(s.transform, s.spectrum, a);
        bsm_stft_inverse(stft, s.spectrum, frames, b, samples);
        assert_true(golden_relative_error(a[0], b[0], channels * samples) < 1e-6);
        free(waves);
        free(ours);
        free(theirs);
        bsm_stft_free(stft);
        tear_down(&s);
    }
}

static void test_inverse_adjoint(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_CASES; i++) {
        setup s = set_up(cases[i], 2, i), wave = set_up(cases[i], 2, i + 100);
        float *back = spectrum_like(&s);
        bsm_transform_inverse(s.transform, s.spectrum, wave.audio);
        bsm_transform_inverse_adjoint(s.transform, (const float *const *)s.audio, back);
        double there = audio_dot(&s, wave.audio, s.audio);
        double size = sqrt(audio_dot(&s, wave.audio, wave.audio) * audio_dot(&s, s.audio, s.audio));
        assert_close(there, dot(s.spectrum, back, s.floats), size);
        free(back);
        tear_down(&s);
        tear_down(&wave);
    }
}

/* D = A d: the sum of |D| is that of the spectrum. Its gradient A'(D / |D|), which is added to
 * `gradient`, satisfies <A'(D / |D|), x> = <D / |D|, A x> for any x. */
static void test_moduli(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_CASES; i++) {
        setup s = set_up(cases[i], 2, i), other = set_up(cases[i], 2, i + 100);
        setup gradient = set_up(cases[i], 2, i + 200);
        float *transformed = spectrum_like(&s), *direction = spectrum_like(&s);
        bsm_transform_forward(s.transform, (const float *const *)s.audio, transformed);
        bsm_transform_forward(s.transform, (const float *const *)other.audio, direction);
        double moduli = 0, expected = audio_dot(&s, gradient.audio, other.audio), size = 0;
        for (size_t z = 0; z < s.floats; z += 2) {
            double modulus = hypot((double)transformed[z], (double)transformed[z + 1]);
            double along = dot(transformed + z, direction + z, 2);
            moduli += modulus;
            expected += modulus > 0 ? -2.5 * along / modulus : 0;
            size += hypot((double)direction[z], (double)direction[z + 1]);
        }
        double sum =
            bsm_transform_moduli(s.transform, (const float *const *)s.audio, -2.5, gradient.audio);
        assert_close(sum, moduli, moduli);
        assert_close(audio_dot(&s, gradient.audio, other.audio), expected, size);
        free(transformed);
        free(direction);
        tear_down(&s);
        tear_down(&other);
        tear_down(&gradient);
    }
}

/* Silence has neither moduli nor a gradient. A NaN is not lost. */
static void test_special_values(void **state)
{
    (void)state;
    setup s = set_up(cases[1], 2, 1), gradient = set_up(cases[1], 2, 2);
    const float *const *audio = (const float *const *)s.audio;
    for (size_t c = 0; c < s.size.channels; c++) {
        memset(s.audio[c], 0, s.size.samples * sizeof(float));
        memset(gradient.audio[c], 0, s.size.samples * sizeof(float));
    }
    assert_true(bsm_transform_moduli(s.transform, audio, 1, gradient.audio) == 0);
    assert_true(audio_dot(&s, gradient.audio, gradient.audio) == 0);
    s.audio[1][s.size.samples / 2] = NAN;
    assert_true(isnan(bsm_transform_moduli(s.transform, audio, 1, gradient.audio)));
    assert_true(isnan(gradient.audio[1][s.size.samples / 2]));
    assert_true(isfinite(gradient.audio[0][s.size.samples / 2]));
    tear_down(&s);
    tear_down(&gradient);
}

/* Any number of threads, and repeated use of the same object, yield the same bits. */
static void test_same_bits(void **state)
{
    (void)state;
    setup first = set_up(cases[1], 1, 1);
    const size_t bytes = first.size.samples * sizeof(float);
    float *expected = spectrum_like(&first), *spectrum = spectrum_like(&first);
    double moduli = 0;
    for (size_t run = 0; run < 6; run++) {
        setup s = set_up(cases[1], 1 + run / 2, 1), gradient = set_up(cases[1], 1, 7);
        double sum = 0;
        for (size_t again = 0; again < 1 + run % 2; again++) {
            bsm_transform_inverse(s.transform, s.spectrum, gradient.audio);
            sum =
                bsm_transform_moduli(s.transform, (const float *const *)s.audio, 1, gradient.audio);
            bsm_transform_inverse_adjoint(s.transform, (const float *const *)gradient.audio,
                                          spectrum);
        }
        if (run == 0) {
            moduli = sum;
            memcpy(expected, spectrum, first.floats * sizeof *spectrum);
            memcpy(first.audio[1], gradient.audio[1], bytes);
        }
        assert_true(sum == moduli);
        assert_memory_equal(spectrum, expected, first.floats * sizeof *spectrum);
        assert_memory_equal(gradient.audio[1], first.audio[1], bytes);
        tear_down(&s);
        tear_down(&gradient);
    }
    free(expected);
    free(spectrum);
    tear_down(&first);
}

static void test_bad_sizes(void **state)
{
    (void)state;
    const bsm_transform_options bad[] = {
        {0, 2, 1, 1, 9, 1, true, NULL}, {8, 9, 1, 1, 9, 1, true, NULL},
        {8, 1, 1, 1, 9, 1, true, NULL}, {8, 8, 9, 1, 9, 1, true, NULL},
        {8, 8, 4, 0, 9, 1, true, NULL}, {8, 8, 4, 1, 0, 1, true, NULL},
        {8, 8, 4, 1, 9, 0, true, NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bsm_transform *transform;
        bsm_error error = {0};
        assert_int_equal(bsm_transform_new(&bad[i], &transform, &error), BSM_INVALID_ARGUMENT);
        assert_null(transform);
        assert_true(strlen(error.message) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),      cmocka_unit_test(test_stft),
        cmocka_unit_test(test_inverse_adjoint), cmocka_unit_test(test_moduli),
        cmocka_unit_test(test_special_values),  cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_bad_sizes),
    };
    int failures = 0;
    for (size_t i = 0; (kernels = bsm_lanes_kernels_at(i)); i++) {
        failures += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failures;
}
