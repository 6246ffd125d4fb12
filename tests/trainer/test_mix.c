/* SPDX-License-Identifier: ISC */
/* Tests the contents of an example: its sources, their loudness, and how they are read. */
#include "data/loader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/random.h"
#include "data_folder.h"
#include "loader_case.h"

/* ---- What is in an example ---- */

static void test_mixture_is_the_sum(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    c->data.level = (bsm_range){0, 30}; /* some are too loud */
    case_start(c);
    size_t full = 0;
    for (size_t i = 0; i < 200; i++) {
        const bsm_example *e = case_next(c);
        float peak = 0;
        for (size_t k = 0; k < 2 * CASE_SAMPLES; k++) {
            const size_t ch = k / CASE_SAMPLES, t = k % CASE_SAMPLES;
            assert_true(e->mixture[ch][t] == e->stems[0][ch][t] + e->stems[1][ch][t]);
            peak = fmaxf(peak, fabsf(e->mixture[ch][t]));
        }
        assert_true(peak > 0 && peak < 1.00001F);
        full += peak > 0.9999F;
    }
    assert_true(full > 20);
    case_free(c);
}

/* A source that is not a stem is part of the mixture only. */
static void test_stems_are_some_of_the_sources(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    enum { COUNT = 24 };
    bool sounds[COUNT];
    case_start(c);
    for (size_t i = 0; i < COUNT; i++) {
        sounds[i] = case_energy(case_next(c)->stems[1][0]) > 0;
    }
    c->model.num_stems = 1;
    strcpy(c->model.stems[0], "vocals");
    c->data.level = (bsm_range){0, -1};
    case_start(c);
    for (size_t i = 0; i < COUNT; i++) {
        const bsm_example *e = case_next(c);
        double rest = 0;
        for (size_t t = 0; t < CASE_SAMPLES; t++) {
            rest += fabs((double)e->mixture[0][t] - (double)e->stems[0][0][t]);
        }
        assert_int_equal(rest > 0, sounds[i]);
    }
    case_free(c);
}

/* Each file has samples of one value, which identifies it: track t has (t + 1) / 100 in both
 * sources, the pool has 0.3 and 0.4. */
static loader_case *constant_case(void)
{
    loader_case *c = case_new();
    char name[64];
    for (int t = 0; t < 3; t++) {
        for (size_t s = 0; s < 2; s++) {
            snprintf(name, sizeof name, "songs/%d/%s.wav", t, c->data.sources[s]);
            case_constant(c, name, 1 + t, 0.01F * (float)(t + 1));
        }
    }
    case_constant(c, "pool/vocals/a.wav", 1, 0.3F);
    case_constant(c, "pool/other/b.wav", 1, 0.4F);
    case_root(c, "songs", 3);
    case_root(c, "pool", 1);
    return c;
}

static void test_weights_of_roots(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    loader_case *c = constant_case();
    c->options.samples = 10;
    case_start(c);
    size_t pool[2] = {0, 0}, tracks[3] = {0, 0, 0}, both = 0, same = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        const bsm_example *e = case_next(c);
        const float v = e->stems[0][0][0], o = e->stems[1][0][0];
        pool[0] += case_near(v, 0.3F);
        pool[1] += case_near(o, 0.4F);
        both += case_near(v, 0.3F) && case_near(o, 0.4F);
        same += case_near(v, o);
        for (int t = 0; t < 3; t++) {
            tracks[t] += case_near(v, 0.01F * (float)(t + 1));
        }
    }
    case_assert_chance(pool[0], DRAWS, 0.25);
    case_assert_chance(pool[1], DRAWS, 0.25);
    case_assert_chance(both, DRAWS, 0.25 * 0.25);
    case_assert_chance(same, DRAWS, 0.75 * 0.75 / 3);
    for (size_t t = 0; t < 3; t++) {
        case_assert_chance(tracks[t], DRAWS, 0.25);
    }
    const bsm_loader_stats stats = bsm_loader_get_stats(c->loader);
    assert_int_equal(stats.tracks, 5);
    assert_int_equal(stats.segments, 2 * (1 + 3 + 5) + 2);
    case_free(c);
}

/* Both sources come from one track unless they are mixed at random. If one comes from a pool, which
 * has only one source, the other comes from anywhere. */
static void test_tracks_stay_together(void **state)
{
    (void)state;
    enum { DRAWS = 2000 };
    loader_case *c = constant_case();
    c->options.samples = 10;
    c->data.random_mix = 0.2;
    case_start(c);
    size_t same = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        const bsm_example *e = case_next(c);
        same += case_near(e->stems[0][0][0], e->stems[1][0][0]);
    }
    /* In 0.8 of the cases the sources are drawn together: from songs (3/4), which are all equal, or
     * one from a pool (1/4), never equal. */
    case_assert_chance(same, DRAWS, 0.8 * 0.75 + 0.2 * 0.75 * 0.75 / 3);
    case_free(c);
}

/* The source that a track with a mixture lacks is the mixture minus the other sources. */
static void test_rest_of_a_mixture(void **state)
{
    (void)state;
    loader_case *c = case_new();
    case_constant(c, "root/a/vocals.wav", 1.5, 0.1F);
    case_constant(c, "root/a/mixture.wav", 2, 0.3F);
    case_root(c, "root", 1);
    c->data.random_mix = 0;
    for (size_t run = 0; run < 3; run++) { /* scanned, remembered, and without detection */
        c->data.sad.enabled = run < 2;
        case_start(c);
        assert_int_equal(case_lines(c, "sound in 1 mixtures"), run == 0);
        for (size_t i = 0; i < 10; i++) {
            const bsm_example *e = case_next(c);
            for (size_t t = 0; t < CASE_SAMPLES; t++) {
                const float v = e->stems[0][1][t];
                assert_true(v == 0 || case_near(v, 0.1F)); /* 0 where only the mixture continues */
                assert_true(case_near(e->stems[1][1][t], 0.3F - v));
            }
        }
    }
    c->data.sad.enabled = true;
    case_constant(c, "root/a/vocals.wav", 1.5, 0.05F); /* this changes the remaining source, too */
    case_start(c);
    assert_int_equal(case_lines(c, "sound in 1 files"), 1);
    assert_int_equal(case_lines(c, "sound in 1 mixtures"), 1);
    case_constant(c, "root/b/vocals.wav", 1, 0.2F); /* with more files it is still remembered */
    case_start(c);
    case_start(c);
    assert_int_equal(case_lines(c, ""), 0);
    /* a mixture whose rate is not that of its vocals */
    case_constant(c, "root/b/other.wav", 1, 0.2F);
    case_sine(c, "root/a/vocals.wav", 11025, 1, 1, 400);
    case_start(c);
    assert_int_equal(case_lines(c, "vocals.wav: has another rate or other channels than"), 1);
    data_folder_file(c->folder, "root/a/vocals.wav");
    case_start(c);
    assert_int_equal(case_lines(c, "mixture.wav: what its sources leave cannot be told"), 1);
    assert_true(case_near(case_next(c)->mixture[0][0], 0.4F));
    case_free(c);
}

static void test_silent_sources(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    loader_case *c = constant_case();
    c->options.samples = 10;
    c->silent[0] = 0.3;
    c->silent[1] = 0.2;
    case_start(c);
    size_t silent[2] = {0, 0};
    for (size_t i = 0; i < DRAWS; i++) {
        const bsm_example *e = case_next(c);
        const bool no_vocals = e->stems[0][0][0] == 0, no_other = e->stems[1][0][0] == 0;
        assert_false(no_vocals && no_other);
        silent[0] += no_vocals;
        silent[1] += no_other;
    }
    case_assert_chance(silent[0], DRAWS, 0.3 * 0.8 / 0.94); /* given that not both are silent */
    case_assert_chance(silent[1], DRAWS, 0.2 * 0.7 / 0.94);
    case_free(c);
}

static void test_loudness(void **state)
{
    (void)state;
    enum { DRAWS = 1000 };
    loader_case *c = case_new();
    case_constant(c, "root/vocals/a.wav", 1, 0.1F);
    case_constant(c, "root/other/b.wav", 1, 0.1F);
    case_root(c, "root", 1);
    c->options.samples = 10;
    c->data.loudness = (bsm_range){0.5, 1.5};
    case_start(c);
    double low = 9, high = 0, sum = 0, product = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        const bsm_example *e = case_next(c);
        const double v = 10 * (double)e->stems[0][0][0], o = 10 * (double)e->stems[1][0][0];
        low = fmin(low, v);
        high = fmax(high, v);
        sum += v;
        product += (v - 1) * (o - 1);
    }
    assert_true(low > 0.4999 && low < 0.51 && high < 1.5001 && high > 1.49);
    assert_true(fabs(sum / DRAWS - 1) < 5 * 0.2887 / sqrt(DRAWS));
    assert_true(fabs(product / DRAWS) < 5 * 0.2887 * 0.2887 / sqrt(DRAWS)); /* independent */
    case_free(c);
}

static void test_level(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    c->silent[0] = c->silent[1] = 0;
    c->data.level = (bsm_range){-15, 5};
    c->model.num_stems = 1; /* level of the stem relative to the other source */
    case_start(c);
    double low = 99, high = -99;
    for (size_t i = 0; i < 200; i++) {
        const bsm_example *e = case_next(c);
        double target = 0, others = 0;
        for (size_t k = 0; k < 2 * CASE_SAMPLES; k++) {
            const double v = (double)e->stems[0][k / CASE_SAMPLES][k % CASE_SAMPLES];
            const double o = (double)e->mixture[k / CASE_SAMPLES][k % CASE_SAMPLES] - v;
            target += v * v;
            others += o * o;
        }
        const double level = 10 * log10(target / others);
        low = fmin(low, level);
        high = fmax(high, level);
    }
    assert_true(low > -15.001 && low < -14 && high < 5.001 && high > 4);
    case_free(c);
}

/* Vocals at -60 dB are raised by at most 20 dB. */
static void test_level_does_not_raise_noise(void **state)
{
    (void)state;
    loader_case *c = case_new();
    case_noise(c, "root/vocals/a.wav", 2, 2, 0.01F, 1);
    case_noise(c, "root/other/b.wav", 2, 2, 0.5F, 2);
    case_root(c, "root", 1);
    c->model.num_stems = 1;
    c->data.level = (bsm_range){0, 0};
    case_start(c);
    const double energy = case_energy(case_next(c)->stems[0][0]);
    assert_true(fabs(10 * log10(energy / (1e-4 / 3)) - 20) < 0.5);
    case_free(c);
}

/* One to three more pieces of the same source are added, each up to 9 dB below what it is added
 * to. */
static void test_layers(void **state)
{
    (void)state;
    enum { DRAWS = 1000 };
    loader_case *c = case_new();
    case_noise(c, "root/vocals/a.wav", 1, 8, 0.1F, 1);
    case_constant(c, "root/other/b.wav", 1, 0.1F);
    case_root(c, "root", 1);
    c->augmentations[0].layers = 0.5;
    case_start(c);
    size_t layered = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        const bsm_example *e = case_next(c);
        const double left = case_energy(e->stems[0][0]), right = case_energy(e->stems[0][1]);
        /* relative to the noise without layers */
        const double ratio = (left + right) / 2 / (0.01 / 3);
        assert_true(ratio > 0.85 && ratio < 10); /* 8 if all three are as loud as possible */
        /* without layers the vocals are in the middle */
        layered += fabs(log(left / right)) > 1e-6;
        assert_true(case_near(e->stems[1][0][0], 0.1F)); /* never layered */
    }
    case_assert_chance(layered, DRAWS, 0.5);
    case_free(c);
}

/* ---- Rates, channels, pitch ---- */

static void test_any_rate(void **state)
{
    (void)state;
    loader_case *c = case_new();
    case_sine(c, "root/vocals/a.wav", 11025, 1, 1, 500);
    case_sine(c, "root/other/b.wav", 96000, 2, 1, 700);
    case_root(c, "root", 1);
    case_start(c);
    for (size_t i = 0; i < 20; i++) {
        const bsm_example *e = case_next(c);
        for (size_t s = 0; s < 2; s++) {
            /* The ends are left out, because the resampler rings where a file begins or ends. */
            const double f = case_frequency(e->stems[s][0] + 100, CASE_SAMPLES - 200, CASE_RATE);
            assert_true(fabs(f - (s ? 700 : 500)) < 0.5);
            assert_true(fabs(case_energy(e->stems[s][0]) - 0.045) < 0.001);
            assert_memory_equal(e->stems[s][0], e->stems[s][1], CASE_SAMPLES * sizeof(float));
        }
    }
    case_free(c);
}

/* Two channels are replaced by their mean. */
static void test_one_channel(void **state)
{
    (void)state;
    static float samples[2 * 8000];
    for (size_t i = 0; i < 8000; i++) {
        samples[2 * i] = 0.5F;
        samples[2 * i + 1] = 0.1F;
    }
    loader_case *c = case_new();
    data_folder_audio(c->folder, "root/vocals/a.wav", 8000, 2, samples, 8000);
    data_folder_audio(c->folder, "root/other/a.wav", 16000, 2, samples, 8000);
    case_root(c, "root", 1);
    c->model.channels = 1;
    case_start(c);
    const bsm_example *e = case_next(c);
    assert_true(fabsf(e->stems[0][0][1000] - 0.3F) < 1e-6F);
    assert_true(fabsf(e->stems[1][0][1000] - 0.3F) < 1e-3F);
    case_free(c);
}

/* The sources of a track stay aligned, whatever their rates: each has clicks at the same times. */
static void test_alignment(void **state)
{
    (void)state;
    enum { SECONDS = 4 };
    loader_case *c = case_new();
    const int rates[] = {8000, 22050};
    for (size_t s = 0; s < 2; s++) {
        float *samples = calloc((size_t)(SECONDS * rates[s]), sizeof *samples);
        assert_non_null(samples);
        for (size_t click = 0; click < 10 * SECONDS; click++) { /* ten per second */
            const size_t at = click * (size_t)rates[s] / 10;
            for (size_t i = at; i < at + (size_t)rates[s] / 400; i++) {
                samples[i] = 0.2F + 0.01F * (float)click;
            }
        }
        data_folder_audio(c->folder, s ? "root/a/other.wav" : "root/a/vocals.wav", rates[s], 1,
                          samples, (size_t)(SECONDS * rates[s]));
        free(samples);
    }
    case_root(c, "root", 1);
    c->data.random_mix = 0;
    c->augmentations[0].pitch = 1; /* not applied, because it would destroy the alignment */
    c->augmentations[0].semitones = (bsm_range){12, 12};
    case_start(c);
    for (size_t i = 0; i < 20; i++) {
        const bsm_example *e = case_next(c);
        double difference = 0;
        for (size_t t = 0; t < CASE_SAMPLES; t++) {
            difference += fabs((double)e->stems[0][0][t] - (double)e->stems[1][0][t]);
        }
        /* A quarter of a second contains two or three clicks of 20 samples that are 0.2 to 0.6
         * high. */
        assert_true(difference < 4);
    }
    case_free(c);
}

static void test_pitch(void **state)
{
    (void)state;
    loader_case *c = case_new();
    case_sine(c, "root/vocals/a.wav", CASE_RATE, 1, 1, 400);
    case_sine(c, "root/other/b.wav", CASE_RATE, 1, 1, 400);
    case_root(c, "root", 1);
    c->augmentations[0].pitch = 1;
    c->augmentations[0].semitones = (bsm_range){3, 3};
    case_start(c);
    for (size_t i = 0; i < 10; i++) {
        const bsm_example *e = case_next(c);
        const double f = case_frequency(e->stems[0][0], CASE_SAMPLES, CASE_RATE);
        assert_true(fabs(f - 400 * exp2(3 / 12.0)) < 0.2);
        assert_true(fabs(case_frequency(e->stems[1][0], CASE_SAMPLES, CASE_RATE) - 400) < 0.2);
    }
    case_free(c);
}

/* A file that is only a little longer than an example cannot be read much faster: the shift is
 * limited by its length. */
static void test_pitch_of_a_short_file(void **state)
{
    (void)state;
    loader_case *c = case_new();
    case_sine(c, "root/vocals/a.wav", CASE_RATE, 1, 0.275, 400);
    case_sine(c, "root/other/b.wav", CASE_RATE, 1, 1, 400);
    case_root(c, "root", 1);
    c->data.sad.enabled = false;
    c->augmentations[0].pitch = 1;
    c->augmentations[0].semitones = (bsm_range){12, 12};
    case_start(c);
    const bsm_example *e = case_next(c);
    assert_true(fabs(case_frequency(e->stems[0][0], CASE_SAMPLES, CASE_RATE) - 440) < 0.5);
    double end = 0; /* energy at the end: the sine lasts until the last sample */
    for (size_t t = CASE_SAMPLES - 200; t < CASE_SAMPLES; t++) {
        end += (double)e->stems[0][0][t] * (double)e->stems[0][0][t] / 200;
    }
    assert_true(fabs(end - 0.045) < 0.005);
    case_free(c);
}

/* ---- Random numbers ---- */

static void test_random_numbers(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    bsm_random a = bsm_random_of(1, 2), same = bsm_random_of(1, 2);
    size_t low = 0, equal = 0, fifth[5] = {0};
    bsm_random b = bsm_random_of(1, 3), inner = bsm_random_fork(&same, 0);
    for (size_t i = 0; i < DRAWS; i++) {
        const double u = bsm_random_unit(&a);
        assert_true(u >= 0 && u < 1 && u == bsm_random_unit(&same));
        low += u < 0.25;
        fifth[bsm_random_below(&b, 5)]++;
        equal += (bsm_random_bits(&inner) & 1) == (bsm_random_bits(&b) & 1);
    }
    case_assert_chance(low, DRAWS, 0.25);
    case_assert_chance(equal, DRAWS, 0.5);
    for (size_t i = 0; i < 5; i++) {
        case_assert_chance(fifth[i], DRAWS, 0.2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixture_is_the_sum),
        cmocka_unit_test(test_stems_are_some_of_the_sources),
        cmocka_unit_test(test_weights_of_roots),
        cmocka_unit_test(test_tracks_stay_together),
        cmocka_unit_test(test_rest_of_a_mixture),
        cmocka_unit_test(test_silent_sources),
        cmocka_unit_test(test_loudness),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_level_does_not_raise_noise),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_any_rate),
        cmocka_unit_test(test_one_channel),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_pitch),
        cmocka_unit_test(test_pitch_of_a_short_file),
        cmocka_unit_test(test_random_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
