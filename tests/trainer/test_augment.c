/* SPDX-License-Identifier: ISC */
/* Tests each augmentation alone, and which of them are applied. */
#include "data/augment.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loader_case.h"
#include "noise.h"
#include "signal/signal.h"

enum { RATE = 44100, SAMPLES = 44100 };

/** A second of stereo audio, and its original. */
typedef struct fixture {
    float **audio, **before;
    bsm_piece piece;
} fixture;

static fixture new_fixture(size_t channels)
{
    fixture f = {bsm_planes_new(2, SAMPLES), bsm_planes_new(2, SAMPLES), {0}};
    assert_true(f.audio && f.before);
    f.piece = (bsm_piece){f.audio, channels, SAMPLES, RATE, bsm_planes_new(2, SAMPLES)};
    assert_non_null(f.piece.scratch);
    return f;
}

static void free_fixture(fixture *f)
{
    free(f->audio);
    free(f->before);
    free(f->piece.scratch);
}

static void remember(fixture *f)
{
    for (size_t c = 0; c < 2; c++) {
        memcpy(f->before[c], f->audio[c], SAMPLES * sizeof(float));
    }
}

static void fill_sine(fixture *f, double frequency, double level)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        f->audio[0][i] = f->audio[1][i] =
            (float)(level * sin(2 * M_PI * frequency * (double)i / RATE));
    }
    remember(f);
}

static void fill_noise(fixture *f, uint64_t seed)
{
    noise_fill(&seed, f->audio[0], SAMPLES);
    noise_fill(&seed, f->audio[1], SAMPLES);
    remember(f);
}

static double energy(const float *plane, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        sum += (double)plane[i] * (double)plane[i];
    }
    return sum / (double)(to - from);
}

/* ---- Tone ---- */

/* Return the gain in dB of a filter for a sine, once it has settled. */
static double response(bsm_filter_kind kind, double at, double q, double gain, double frequency)
{
    fixture f = new_fixture(2);
    fill_sine(&f, frequency, 0.1);
    bsm_augment_filter(&f.piece, kind, at, q, gain);
    assert_memory_equal(f.audio[0], f.audio[1], SAMPLES * sizeof(float));
    const double change = 10 * log10(energy(f.audio[0], SAMPLES / 2, SAMPLES) /
                                     energy(f.before[0], SAMPLES / 2, SAMPLES));
    free_fixture(&f);
    return change;
}

static void assert_db(double value, double expected)
{
    if (!(fabs(value - expected) < 0.05)) {
        fail_msg("%g dB, expected %g", value, expected);
    }
}

/* The gains of the cookbook's filters at low, medium and high frequencies. */
static void test_filters(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        const double gain = 6.0 * sign;
        assert_db(response(BSM_FILTER_PEAK, 1000, 2, gain, 1000), gain);
        assert_db(response(BSM_FILTER_PEAK, 1000, 2, gain, 20), 0);
        assert_db(response(BSM_FILTER_PEAK, 1000, 2, gain, 20000), 0);
        assert_db(response(BSM_FILTER_LOW_SHELF, 1000, M_SQRT1_2, gain, 20), gain);
        assert_db(response(BSM_FILTER_LOW_SHELF, 1000, M_SQRT1_2, gain, 1000), gain / 2);
        assert_db(response(BSM_FILTER_LOW_SHELF, 1000, M_SQRT1_2, gain, 20000), 0);
        assert_db(response(BSM_FILTER_HIGH_SHELF, 1000, M_SQRT1_2, gain, 20), 0);
        assert_db(response(BSM_FILTER_HIGH_SHELF, 1000, M_SQRT1_2, gain, 1000), gain / 2);
        assert_db(response(BSM_FILTER_HIGH_SHELF, 1000, M_SQRT1_2, gain, 20000), gain);
    }
}

/* Each of three filters is within 6 dB, so a tone changes by at most 18 dB, and never becomes
 * NaN. */
static void test_eq(void **state)
{
    (void)state;
    fixture f = new_fixture(2);
    double least = 99, most = -99;
    for (uint64_t i = 0; i < 100; i++) {
        bsm_random random = bsm_random_of(1, i);
        fill_sine(&f, 1000, 0.1);
        bsm_augment_eq(&f.piece, &random);
        const double change = 10 * log10(energy(f.audio[0], SAMPLES / 2, SAMPLES) / 0.005);
        assert_true(fabs(change) < 18);
        least = fmin(least, change);
        most = fmax(most, change);
    }
    assert_true(least < -2 && most > 2);
    free_fixture(&f);
}

/* The first half is 20 dB louder than the second: at 4:1, with a threshold below both, a difference
 * of 5 dB remains. */
static void test_compression(void **state)
{
    (void)state;
    fixture f = new_fixture(2);
    fill_sine(&f, 500, 0.5);
    for (size_t i = SAMPLES / 2; i < SAMPLES; i++) {
        f.audio[0][i] *= 0.1F;
        f.audio[1][i] *= 0.1F;
    }
    const double before = energy(f.audio[0], 0, SAMPLES);
    bsm_augment_compress(&f.piece, -40, 4, 0.001, 0.05);
    assert_true(fabs(energy(f.audio[0], 0, SAMPLES) / before - 1) < 1e-4);
    assert_memory_equal(f.audio[0], f.audio[1], SAMPLES * sizeof(float));
    const double loud = energy(f.audio[0], SAMPLES / 4, SAMPLES / 2);
    const double quiet = energy(f.audio[0], 7 * SAMPLES / 8, SAMPLES);
    assert_true(fabs(10 * log10(loud / quiet) - 5) < 0.2);
    memset(f.audio[0], 0, SAMPLES * sizeof(float));
    memset(f.audio[1], 0, SAMPLES * sizeof(float));
    bsm_augment_compress(&f.piece, -40, 4, 0.001, 0.05); /* silence remains */
    assert_true(energy(f.audio[0], 0, SAMPLES) == 0);
    free_fixture(&f);
}

/* ---- Space ---- */

/* The reverb of a click: the click itself is kept, then there is silence, then a tail with the
 * requested decay. */
static void test_reverb(void **state)
{
    (void)state;
    for (size_t channels = 1; channels <= 2; channels++) {
        fixture f = new_fixture(channels);
        f.audio[0][100] = f.audio[1][100] = 1;
        bsm_random random = bsm_random_of(1, channels);
        assert_int_equal(bsm_augment_reverberate(&f.piece, 0.5, -10, &random, NULL), BSM_OK);
        for (size_t c = 0; c < channels; c++) {
            assert_true(f.audio[c][100] == 1);
            assert_true(energy(f.audio[c], 101, 101 + RATE / 100) == 0);
            const double early = energy(f.audio[c], RATE / 10, RATE / 5);
            const double late = energy(f.audio[c], 4 * RATE / 10, RATE / 2);
            const double decay = 10 * log10(early / late); /* over 0.3 s; 36 without damping */
            assert_true(decay > 30 && decay < 70);
        }
        double wet = 0;
        for (size_t c = 0; c < channels; c++) {
            wet += energy(f.audio[c], 101, SAMPLES) * (SAMPLES - 101);
        }
        assert_true(fabs(10 * log10(wet / (double)channels) + 10) < 0.01);
        if (channels == 2) {
            assert_memory_not_equal(f.audio[0], f.audio[1], SAMPLES * sizeof(float));
        }
        free_fixture(&f);
    }
}

/* Double a click at sample 1000; return the gains of the click itself in both channels. */
static const float *double_impulse(fixture *f, bsm_random *random)
{
    static float gain[2];
    memset(f->audio[0], 0, SAMPLES * sizeof(float));
    memset(f->audio[1], 0, SAMPLES * sizeof(float));
    f->audio[0][1000] = f->audio[1][1000] = 1;
    bsm_augment_doubling(&f->piece, random);
    gain[0] = f->audio[0][1000];
    gain[1] = f->audio[1][1000];
    return gain;
}

/* The copies are 3 to 57 ms late, including the wavering of their delay, and 0 to 12 dB quieter
 * than the piece. */
static void test_doubling(void **state)
{
    (void)state;
    fixture f = new_fixture(2);
    size_t panned = 0;
    for (uint64_t i = 0; i < 50; i++) {
        bsm_random random = bsm_random_of(2, i);
        const float *gain = double_impulse(&f, &random);
        assert_true(fabsf(gain[0] * gain[0] + gain[1] * gain[1] - 2) < 1e-5F);
        panned += gain[0] != 1;
        const size_t least = 1000 + RATE * 3 / 1000 - 2, most = 1000 + RATE * 57 / 1000 + 4;
        assert_true(energy(f.audio[0], 1001, least) + energy(f.audio[1], 1001, least) == 0);
        assert_true(energy(f.audio[0], least, most) + energy(f.audio[1], least, most) > 0);
        assert_true(energy(f.audio[0], most, SAMPLES) + energy(f.audio[1], most, SAMPLES) == 0);
    }
    case_assert_chance(panned, 50, 0.5);
    for (uint64_t i = 0; i < 20; i++) {
        bsm_random random = bsm_random_of(3, i), same = random, count = random;
        /* its first number chooses two copies, which may cancel */
        if (bsm_random_below(&count, 2) == 1) {
            continue;
        }
        const float *gain = double_impulse(&f, &same);
        fill_sine(&f, 440, 0.3);
        bsm_augment_doubling(&f.piece, &random);
        for (size_t c = 0; c < 2; c++) { /* leave only the copy */
            for (size_t t = 0; t < SAMPLES; t++) {
                f.audio[c][t] -= gain[c] * f.before[c][t];
            }
        }
        const double left = energy(f.audio[0], RATE / 2, RATE);
        const double right = energy(f.audio[1], RATE / 2, RATE);
        assert_true(left + right > 2 * 0.045 * 0.06 && left + right < 2 * 0.045 * 1.01);
    }
    free_fixture(&f);
}

/* A wavering delay shifts the pitch: a copy of 440 Hz is within 16 cents of it, but not equal. */
static void test_doubling_detunes(void **state)
{
    (void)state;
    fixture f = new_fixture(1);
    double worst = 0;
    for (uint64_t i = 0; i < 30; i++) {
        bsm_random random = bsm_random_of(4, i);
        bsm_random count = random; /* its first number: how many copies */
        if (bsm_random_below(&count, 2) == 1) {
            continue;
        }
        fill_sine(&f, 440, 0.3);
        bsm_augment_doubling(&f.piece, &random);
        for (size_t t = 0; t < SAMPLES; t++) {
            f.audio[0][t] -= f.before[0][t];
        }
        for (size_t part = 2; part < 10; part++) {
            const size_t at = part * SAMPLES / 10;
            const double frequency = case_frequency(f.audio[0] + at, SAMPLES / 10, RATE);
            worst = fmax(worst, fabs(1200 * log2(frequency / 440)));
        }
    }
    assert_true(worst > 3 && worst < 16);
    free_fixture(&f);
}

static void test_pan(void **state)
{
    (void)state;
    fixture f = new_fixture(2);
    fill_noise(&f, 1);
    bsm_augment_pan(&f.piece, 0);
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_true(fabsf(f.audio[0][i] - f.before[0][i]) < 1e-6F);
    }
    bsm_augment_pan(&f.piece, 0.5);
    const double left = energy(f.audio[0], 0, SAMPLES) / energy(f.before[0], 0, SAMPLES);
    const double right = energy(f.audio[1], 0, SAMPLES) / energy(f.before[1], 0, SAMPLES);
    assert_true(fabs(left + right - 2) < 1e-5);
    assert_true(fabs(right / left - pow(tan(3 * M_PI / 8), 2)) < 1e-3);
    f.piece.channels = 1;
    remember(&f);
    bsm_augment_pan(&f.piece, 1); /* one channel cannot be panned */
    assert_memory_equal(f.audio[0], f.before[0], SAMPLES * sizeof(float));
    free_fixture(&f);
}

/* ---- Which of them happen ---- */

static bool is_swapped(const fixture *f)
{
    return f->audio[0][0] * f->audio[0][0] == f->before[1][0] * f->before[1][0];
}

static void test_chances(void **state)
{
    (void)state;
    enum { DRAWS = 2000 };
    fixture f = new_fixture(2);
    f.piece.samples = 16;
    const bsm_augmentation a = {.channel_swap = 0.5, .polarity = 0.25};
    size_t swapped = 0, inverted = 0, both = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        const bsm_random random = bsm_random_of(5, i);
        f.audio[0][0] = f.before[0][0] = 0.25F;
        f.audio[1][0] = f.before[1][0] = 0.5F;
        assert_int_equal(bsm_augment(&a, &random, &f.piece, NULL), BSM_OK);
        const bool swap = is_swapped(&f), invert = f.audio[0][0] < 0;
        assert_true(f.audio[0][0] * f.audio[1][0] == 0.125F);
        swapped += swap;
        inverted += invert;
        both += swap && invert;
    }
    case_assert_chance(swapped, DRAWS, 0.5);
    case_assert_chance(inverted, DRAWS, 0.25);
    case_assert_chance(both, DRAWS, 0.125);
    free_fixture(&f);
}

static void test_width(void **state)
{
    (void)state;
    fixture f = new_fixture(2), g = new_fixture(2);
    fill_noise(&f, 1);
    fill_noise(&g, 1);
    bsm_augment_width(&g.piece, 0.5);
    for (size_t i = 0; i < SAMPLES; i++) {
        const float left = f.audio[0][i], right = f.audio[1][i];
        assert_true(fabsf(g.audio[0][i] - (0.75F * left + 0.25F * right)) < 1e-6F);
        assert_true(fabsf(g.audio[1][i] - (0.25F * left + 0.75F * right)) < 1e-6F);
    }
    bsm_augment_width(&g.piece, 0);
    assert_memory_equal(g.audio[0], g.audio[1], SAMPLES * sizeof(float));
    free_fixture(&f);
    free_fixture(&g);
}

/* The draws of one augmentation do not depend on whether another is on. With all of them at once,
 * samples stay finite. */
static void test_streams_are_independent(void **state)
{
    (void)state;
    fixture f = new_fixture(2), g = new_fixture(2);
    const bsm_augmentation pan = {.pan = 1};
    const bsm_augmentation more = {.pan = 1, .channel_swap = 1, .polarity = 1};
    const bsm_augmentation all = {.channel_swap = 1,
                                  .polarity = 1,
                                  .eq = 1,
                                  .compression = 1,
                                  .reverb = 1,
                                  .doubling = 1,
                                  .pan = 1};
    const bsm_random random = bsm_random_of(6, 1);
    fill_noise(&f, 1);
    fill_noise(&g, 1);
    assert_int_equal(bsm_augment(&pan, &random, &f.piece, NULL), BSM_OK);
    assert_int_equal(bsm_augment(&more, &random, &g.piece, NULL), BSM_OK);
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_true(f.audio[0][i] == -g.audio[1][i] && f.audio[1][i] == -g.audio[0][i]);
    }
    assert_int_equal(bsm_augment(&all, &random, &f.piece, NULL), BSM_OK);
    const double loud = energy(f.audio[0], 0, SAMPLES);
    assert_true(isfinite(loud) && loud > 0.001 && loud < 10);
    free_fixture(&f);
    free_fixture(&g);
}

static void test_speed(void **state)
{
    (void)state;
    enum { DRAWS = 2000 };
    const bsm_augmentation a = {.pitch = 0.5, .semitones = {-12, 12}};
    size_t shifted = 0, up = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        const bsm_random random = bsm_random_of(7, i);
        const double speed = bsm_augment_draw_speed(&a, &random);
        assert_true(speed >= 0.5 && speed < 2);
        shifted += speed != 1;
        up += speed > 1;
    }
    case_assert_chance(shifted, DRAWS, 0.5);
    case_assert_chance(up, DRAWS, 0.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),     cmocka_unit_test(test_eq),
        cmocka_unit_test(test_compression), cmocka_unit_test(test_reverb),
        cmocka_unit_test(test_doubling),    cmocka_unit_test(test_doubling_detunes),
        cmocka_unit_test(test_width),       cmocka_unit_test(test_pan),
        cmocka_unit_test(test_chances),     cmocka_unit_test(test_streams_are_independent),
        cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
