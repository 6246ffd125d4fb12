/* SPDX-License-Identifier: ISC */
/* Tests the errors by kind of bin and the extraction of the centre, with signals whose results are
 * known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "noise.h"
#include "validate/metrics.h"

enum { RATE = 44100, SAMPLES = 40000, LEFT = 0, RIGHT = 1 };

static float mixture[2][SAMPLES], target[2][SAMPLES], estimate[2][SAMPLES];

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance)) {
        fail_msg("%.9g instead of %.9g", actual, expected);
    }
}

static int set_up(void **state)
{
    (void)state;
    memset(mixture, 0, sizeof mixture);
    memset(target, 0, sizeof target);
    memset(estimate, 0, sizeof estimate);
    return 0;
}

static void add_sine(float *to, double frequency, double level)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        to[i] += (float)(level * sin(2 * M_PI * frequency * (double)i / RATE));
    }
}

static void add_noise(float *to, uint64_t seed, double level)
{
    static float noise[SAMPLES];
    noise_fill(&seed, noise, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) {
        to[i] += (float)level * noise[i];
    }
}

static bsm_spectral_metrics *new_metrics(size_t channels)
{
    bsm_spectral_metrics *metrics;
    assert_int_equal(bsm_spectral_metrics_new(RATE, channels, &metrics, NULL), BSM_OK);
    return metrics;
}

static void add(bsm_spectral_metrics *metrics, size_t at, size_t samples)
{
    const float *const m[] = {mixture[0] + at, mixture[1] + at};
    const float *const t[] = {target[0] + at, target[1] + at};
    const float *const e[] = {estimate[0] + at, estimate[1] + at};
    bsm_spectral_metrics_add(metrics, m, t, e, samples);
}

static bsm_spectral_errors measure(size_t channels, size_t samples)
{
    bsm_spectral_metrics *metrics = new_metrics(channels);
    add(metrics, 0, samples);
    const bsm_spectral_errors errors = bsm_spectral_metrics_finish(metrics);
    bsm_spectral_metrics_free(metrics);
    return errors;
}

/* ---- The errors ---- */

/* The estimate misses half of the voice and lets a tenth of the music through, which is half as
 * loud. */
static void test_voice_and_music_in_different_bins(void **state)
{
    (void)state;
    for (size_t channels = 1; channels <= 2; channels++) {
        set_up(NULL);
        for (size_t c = 0; c < channels; c++) {
            add_sine(target[c], 500, 0.4);
            add_sine(mixture[c], 500, 0.4);
            add_sine(mixture[c], 5000, 0.2);
            add_sine(estimate[c], 500, 0.2);
            add_sine(estimate[c], 5000, 0.02);
        }
        const bsm_spectral_errors errors = measure(channels, SAMPLES);
        assert_near(errors.missed, 20 * log10(0.5), 0.01);
        assert_near(errors.let_through, 20 * log10(0.02 / 0.4), 0.01);
        assert_true(errors.mixed < -40);
    }
}

/* Target and rest contain the same noise, so that every bin is of one kind. */
static bsm_spectral_errors measure_at(double target_over_rest)
{
    set_up(NULL);
    add_noise(target[0], 3, 1);
    add_noise(mixture[0], 3, 1 + pow(10, -target_over_rest / 20));
    return measure(1, SAMPLES); /* the estimate is silence, so the whole target is missed */
}

static void test_kinds_of_bins(void **state)
{
    (void)state;
    const bsm_spectral_errors voice = measure_at(10.1), both = measure_at(9.9);
    assert_near(voice.missed, 0, 1e-9);
    assert_true(isinf(voice.mixed) && voice.mixed < 0 && isinf(voice.let_through));
    assert_near(both.mixed, 0, 1e-9);
    assert_true(isinf(both.missed) && isinf(both.let_through));
    assert_near(measure_at(0).mixed, 0, 1e-9);
    assert_near(measure_at(-9.9).mixed, 0, 1e-9);
    assert_near(measure_at(-10.1).let_through, 0, 1e-9);
}

/* One channel alone would give the bins to the rest. */
static void test_channels_are_taken_together(void **state)
{
    (void)state;
    add_noise(target[LEFT], 3, 1);
    add_noise(mixture[LEFT], 3, 1);
    add_noise(mixture[RIGHT], 3, 0.5);
    add_noise(estimate[LEFT], 3, 1);
    add_noise(estimate[RIGHT], 3, 0.5);
    assert_near(measure(2, SAMPLES).mixed, 20 * log10(0.5), 1e-4);
}

/* The three kinds together are the whole error. */
static void test_nothing_is_left_out(void **state)
{
    (void)state;
    add_noise(target[0], 1, 0.5);
    add_noise(mixture[0], 1, 0.5);
    add_noise(mixture[0], 2, 0.7);
    add_noise(estimate[0], 3, 0.25);
    const bsm_spectral_errors errors = measure(1, SAMPLES);
    const double sum =
        pow(10, errors.missed / 10) + pow(10, errors.let_through / 10) + pow(10, errors.mixed / 10);
    assert_near(10 * log10(sum), 10 * log10((0.25 + 0.0625) / 0.25), 0.1);
    assert_true(isfinite(errors.missed) && isfinite(errors.let_through));
}

/* ---- Centre extraction ---- */

static double centre_of_voice(double left, double right, double frequency)
{
    set_up(NULL);
    const double gains[] = {left, right};
    for (size_t c = 0; c < 2; c++) {
        add_sine(target[c], frequency, gains[c]);
        add_sine(mixture[c], frequency, gains[c]);
    }
    return measure(2, SAMPLES).centre_usdr;
}

static void test_centre(void **state)
{
    (void)state;
    assert_true(centre_of_voice(0.5, 0.5, 1000) > 40);
    assert_near(centre_of_voice(0.5, 0, 1000), 0, 0.01);
    assert_near(centre_of_voice(0.5, -0.5, 1000), 0, 0.01);
    /* M is 0.75 and S 0.25: two thirds of M in both channels. */
    assert_near(centre_of_voice(1, 0.5, 1000), 10 * log10(1.25 / 0.25), 0.05);
    assert_near(centre_of_voice(0.5, 0.5, 100), 0, 0.05);
    assert_true(centre_of_voice(0.5, 0.5, 300) > 20);
    assert_true(centre_of_voice(0.5, 0.5, 11800) > 20);
    assert_near(centre_of_voice(0.5, 0.5, 12200), 0, 0.05);
}

static void test_centre_beside_wide_music(void **state)
{
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        add_sine(target[c], 1000, 0.3);
        add_sine(mixture[c], 1000, 0.3);
        add_sine(mixture[c], 4000, c == LEFT ? 0.5 : -0.5);
    }
    assert_true(measure(2, SAMPLES).centre_usdr > 30);
    set_up(NULL);
    for (size_t c = 0; c < 2; c++) { /* now the music, half as loud, is in the middle, too */
        add_sine(target[c], 1000, 0.3);
        add_sine(mixture[c], 1000, 0.3);
        add_sine(mixture[c], 4000, 0.15);
    }
    assert_near(measure(2, SAMPLES).centre_usdr, 20 * log10(2), 0.01);
}

static void test_mono_has_no_centre(void **state)
{
    (void)state;
    add_noise(target[0], 1, 0.5);
    add_noise(mixture[0], 1, 0.5);
    assert_true(isnan(measure(1, SAMPLES).centre_usdr));
}

/* ---- Tracks ---- */

static void fill_with_noise(void)
{
    set_up(NULL);
    for (size_t c = 0; c < 2; c++) {
        add_noise(target[c], 1 + c, 0.5);
        add_noise(mixture[c], 1 + c, 0.5);
        add_noise(mixture[c], 5, 0.4);
        add_noise(estimate[c], 1 + c, 0.4);
        add_noise(estimate[c], 5, 0.1);
    }
}

static void test_pieces_do_not_matter(void **state)
{
    (void)state;
    fill_with_noise();
    const bsm_spectral_errors whole = measure(2, SAMPLES);
    uint64_t seed = 3;
    for (size_t most = 100; most <= SAMPLES; most *= 7) {
        bsm_spectral_metrics *metrics = new_metrics(2);
        for (size_t at = 0; at < SAMPLES;) {
            size_t count = noise_size(&seed, 0, most);
            count = count < SAMPLES - at ? count : SAMPLES - at;
            add(metrics, at, count);
            at += count;
        }
        const bsm_spectral_errors pieces = bsm_spectral_metrics_finish(metrics);
        assert_memory_equal(&pieces, &whole, sizeof whole);
        bsm_spectral_metrics_free(metrics);
    }
}

/* The last samples count, however few come after the last whole frame. */
static void test_all_of_short_tracks_counts(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 1000, 1024, 2048, 4096, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        fill_with_noise();
        bsm_spectral_errors errors = measure(2, lengths[i]);
        assert_true(isfinite(errors.centre_usdr));
        set_up(NULL);
        /* only the last sample is not 0, and the estimate has nothing of it */
        for (size_t c = 0; c < 2; c++) {
            target[c][lengths[i] - 1] = c == LEFT ? 1 : -1;
            mixture[c][lengths[i] - 1] = c == LEFT ? 1 : -1;
        }
        errors = measure(2, lengths[i]);
        assert_near(errors.missed, 0, 1e-6);
        assert_near(errors.centre_usdr, 0, 1e-6);
    }
}

static void test_no_target(void **state)
{
    (void)state;
    add_noise(mixture[0], 1, 0.5);
    add_noise(estimate[0], 1, 0.5);
    for (size_t samples = 0; samples <= SAMPLES; samples += SAMPLES) {
        const bsm_spectral_errors errors = measure(2, samples);
        assert_true(isnan(errors.centre_usdr) && isnan(errors.missed));
        assert_true(isnan(errors.let_through) && isnan(errors.mixed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_voice_and_music_in_different_bins, set_up),
        cmocka_unit_test_setup(test_kinds_of_bins, set_up),
        cmocka_unit_test_setup(test_channels_are_taken_together, set_up),
        cmocka_unit_test_setup(test_nothing_is_left_out, set_up),
        cmocka_unit_test_setup(test_centre, set_up),
        cmocka_unit_test_setup(test_centre_beside_wide_music, set_up),
        cmocka_unit_test_setup(test_mono_has_no_centre, set_up),
        cmocka_unit_test_setup(test_pieces_do_not_matter, set_up),
        cmocka_unit_test_setup(test_all_of_short_tracks_counts, set_up),
        cmocka_unit_test_setup(test_no_target, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
