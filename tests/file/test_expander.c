/* SPDX-License-Identifier: ISC */
/* Tests that faint stems are turned down and others are left as they are, however the signal is
 * cut. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"
#include "noise.h"
#include "separate/separation.h"

enum { RATE = 44100 };

/* cmocka's own assertion takes NaN for equal. */
static void assert_near(float actual, float expected, float tolerance)
{
    if (!(fabsf(actual - expected) <= tolerance)) {
        fail_msg("%g is not %g", (double)actual, (double)expected);
    }
}

/* ---- Whole signals ---- */

/* Return the first plane of the output, computed in windows or in blocks. */
static float *run(fake_network *network, fake_signal *signal, bool in_blocks)
{
    signal->position = 0;
    const bsm_separation separation = {.config = &network->config,
                                       .separator = fake_separator(network),
                                       .signal = fake_reader(signal),
                                       .lanes = 1,
                                       .wanted = {true}};
    const bsm_block_shape shape = {.commit = 3, .lookahead = 2};
    bsm_blocks *blocks = NULL;
    bsm_windows *windows = NULL;
    assert_int_equal(in_blocks ? bsm_blocks_new(&separation, &shape, &blocks, NULL)
                               : bsm_windows_new(&separation, 5000, 2600, &windows, NULL),
                     BSM_OK);
    float *out = calloc(signal->samples, sizeof *out);
    size_t count = 1;
    for (size_t done = 0; count > 0; done += count) {
        float *const *audio;
        assert_int_equal(in_blocks ? bsm_blocks_next(blocks, &audio, &count, NULL)
                                   : bsm_windows_next(windows, &audio, &count, NULL),
                         BSM_OK);
        assert_true(done + count <= signal->samples);
        memcpy(out + done, audio[0], count * sizeof *out);
    }
    bsm_blocks_free(blocks);
    bsm_windows_free(windows);
    return out;
}

static void check_near(bool in_blocks)
{
    fake_network network = fake_identity(512, 128, 2);
    fake_signal signal = fake_noise(2, 30011, 1);
    network.gain[0] = 0.11F; /* 19.2 dB below the mixture */
    float *plain = run(&network, &signal, in_blocks);
    network.config.expander = 20;
    float *expanded = run(&network, &signal, in_blocks);
    assert_memory_equal(plain, expanded, signal.samples * sizeof *plain);
    free(plain);
    free(expanded);
    fake_signal_clear(&signal);
}

static void test_near_is_not_touched(void **state)
{
    (void)state;
    check_near(false);
    check_near(true);
}

/* Check a stem that is always equally far below the mixture: all of it gets the same gain. */
static void check_faint(bool in_blocks, float below, float expected)
{
    fake_network network = fake_identity(512, 128, 2);
    fake_signal signal = fake_noise(2, 30011, 2);
    network.gain[0] = below;
    network.config.expander = 20;
    float *out = run(&network, &signal, in_blocks);
    for (size_t i = 0; i < signal.samples; i++) {
        assert_near(out[i], expected * signal.audio[0][i], 2e-3F * expected + 1e-12F);
    }
    free(out);
    fake_signal_clear(&signal);
}

static void test_faint_is_turned_down(void **state)
{
    (void)state;
    for (int in_blocks = 0; in_blocks <= 1; in_blocks++) {
        check_faint(in_blocks, 0.01F, 0);           /* 20 dB below the threshold */
        check_faint(in_blocks, 0.098F, 3.6417e-2F); /* 0.175 dB below it: 8.6 dB quieter */
        check_faint(in_blocks, 1e-5F, 0);
    }
}

/* ---- Piece by piece ---- */

enum { LANES = 2, STEMS = 2, PLANES = STEMS * LANES };

/* Mono stems of a stereo signal: the expander treats each channel separately. */
typedef struct bench {
    bsm_config config;
    fake_signal mixture;
    bsm_separation separation;
    bsm_expander *expander;
    size_t samples, delay;
    float *planes[PLANES]; /* [samples + delay] */
} bench;

/* Return a plane's result, once all of it has been processed. */
static float *result(const bench *b, size_t plane)
{
    return b->planes[plane] + b->delay;
}

/* Stem s of channel l is gains[s][l] times the mixture. */
static bench *new_bench(size_t samples, const float gains[STEMS][LANES])
{
    bench *b = calloc(1, sizeof *b);
    b->config = fake_identity(512, 128, 1).config;
    b->config.num_stems = STEMS;
    b->config.expander = 20;
    b->samples = samples;
    b->delay = bsm_expander_delay(&b->config);
    b->mixture = fake_noise(LANES, samples, 3);
    b->separation = (bsm_separation){.config = &b->config,
                                     .signal = fake_reader(&b->mixture),
                                     .lanes = LANES,
                                     .wanted = {true, true}};
    assert_int_equal(bsm_expander_new(&b->separation, &b->expander, NULL), BSM_OK);
    for (size_t p = 0; p < PLANES; p++) {
        b->planes[p] = calloc(samples + b->delay, sizeof(float));
        for (size_t i = 0; i < samples; i++) {
            b->planes[p][i] = gains[p / LANES][p % LANES] * b->mixture.audio[p % LANES][i];
        }
    }
    return b;
}

static void free_bench(bench *b)
{
    bsm_expander_free(b->expander);
    fake_signal_clear(&b->mixture);
    for (size_t p = 0; p < PLANES; p++) {
        free(b->planes[p]);
    }
    free(b);
}

static void read_mixture(bench *b, size_t count)
{
    float *audio[LANES] = {malloc(count * sizeof(float)), malloc(count * sizeof(float))};
    size_t got = 0;
    assert_int_equal(b->separation.signal.read(b->separation.signal.user, audio, count, &got, NULL),
                     BSM_OK);
    assert_int_equal(got, count);
    assert_memory_equal(audio[1], b->mixture.audio[1] + b->mixture.position - count,
                        count * sizeof(float));
    free(audio[0]);
    free(audio[1]);
}

static void apply(bench *b, size_t first, size_t count)
{
    float *planes[PLANES], *at[PLANES];
    for (size_t p = 0; p < PLANES; p++) {
        planes[p] = b->planes[p] + first;
    }
    const size_t end = first + count, before = first < b->delay ? b->delay - first : 0;
    const bool ended = end == b->samples;
    const size_t given = bsm_expander_apply(b->expander, planes, count, ended, at);
    const size_t skipped = before < count || ended ? before : count;
    assert_int_equal(given, count + (ended ? b->delay : 0) - skipped);
    assert_ptr_equal(at[PLANES - 1], planes[PLANES - 1] + skipped);
}

static void test_lanes_and_stems(void **state)
{
    (void)state;
    static const float gains[STEMS][LANES] = {{0.098F, 0.5F}, {0.5F, 0.099F}};
    static const float expected[STEMS][LANES] = {{3.6417e-2F, 0.5F}, {0.5F, 6.0501e-2F}};
    const size_t samples = 20000;
    bench *b = new_bench(samples, gains);
    read_mixture(b, samples);
    apply(b, 0, samples);
    for (size_t p = 0; p < PLANES; p++) {
        const float gain = expected[p / LANES][p % LANES];
        for (size_t i = 0; i < samples; i++) {
            assert_near(result(b, p)[i], gain * b->mixture.audio[p % LANES][i], 2e-3F * gain);
        }
    }
    free_bench(b);
}

/* Make parts louder and others softer, so that gains change. */
static void modulate(bench *b, size_t samples)
{
    for (size_t p = 0; p < PLANES; p++) {
        for (size_t i = 0; i < samples; i++) {
            b->planes[p][i] *= 0.6F + 0.5F * sinf((float)(i * (p + 1)) / 3000);
        }
    }
}

static void test_cuts_make_no_difference(void **state)
{
    (void)state;
    static const float gains[STEMS][LANES] = {{0.1F, 0.2F}, {0.05F, 0.15F}};
    const size_t samples = 50021;
    bench *whole = new_bench(samples, gains), *cut = new_bench(samples, gains);
    modulate(whole, samples);
    modulate(cut, samples);
    read_mixture(whole, samples);
    apply(whole, 0, samples);
    uint64_t seed = 7;
    for (size_t read = 0, done = 0; done < samples;) {
        const size_t more = noise_size(&seed, 0, samples - read < 3000 ? samples - read : 3000);
        read_mixture(cut, more);
        read += more;
        const size_t count = noise_size(&seed, 0, read - done);
        apply(cut, done, count);
        done += count;
    }
    for (size_t p = 0; p < PLANES; p++) {
        assert_memory_equal(result(whole, p), result(cut, p), samples * sizeof(float));
    }
    free_bench(whole);
    free_bench(cut);
}

/* A voice has its full level from its first sample on, and keeps it during a rest of 0.1 s. */
static void test_opens_before_and_closes_late(void **state)
{
    (void)state;
    static const float gains[STEMS][LANES] = {{0.4F, 0.4F}, {0.4F, 0.4F}};
    const size_t samples = 2 * RATE, starts = RATE, rest = samples - RATE / 10;
    bench *b = new_bench(samples, gains);
    for (size_t i = 0; i < samples; i++) {
        b->planes[0][i] *= i < starts || i >= rest ? 0.01F : 1.0F;
    }
    float *plain = malloc(samples * sizeof *plain);
    memcpy(plain, b->planes[0], samples * sizeof *plain);
    read_mixture(b, samples);
    apply(b, 0, samples);
    assert_memory_equal(plain + starts, result(b, 0) + starts, (samples - starts) * sizeof *plain);
    assert_true(fabsf(result(b, 0)[starts / 2]) < 0.01F * fabsf(plain[starts / 2]));
    free(plain);
    free_bench(b);
}

static void test_forgets_what_is_no_number(void **state)
{
    (void)state;
    static const float gains[STEMS][LANES] = {{0.01F, 0.01F}, {0.5F, 0.5F}};
    const size_t samples = 4 * RATE, last = 3 * RATE;
    bench *b = new_bench(samples, gains);
    b->planes[0][5000] = NAN;
    b->planes[1][5000] = INFINITY;
    b->planes[2][5000] = NAN;
    read_mixture(b, samples);
    apply(b, 0, samples);
    for (size_t i = last; i < samples; i++) {
        assert_near(result(b, 0)[i], 0, 1e-6F);
        assert_near(result(b, 1)[i], 0, 1e-6F);
        assert_near(result(b, 2)[i], 0.5F * b->mixture.audio[0][i], 1e-6F);
    }
    free_bench(b);
}

/* The ratio of silence to silence is undefined. */
static void test_silence(void **state)
{
    (void)state;
    static const float gains[STEMS][LANES] = {{0, 0}, {1, 1}};
    const size_t samples = 5000;
    bench *b = new_bench(samples, gains);
    for (size_t c = 0; c < LANES; c++) {
        memset(b->mixture.audio[c], 0, samples * sizeof(float));
    }
    memset(b->planes[3], 0, samples * sizeof(float));
    float *plain = malloc(samples * sizeof *plain);
    memcpy(plain, b->planes[2], samples * sizeof *plain);
    read_mixture(b, samples);
    apply(b, 0, samples);
    assert_memory_equal(plain, result(b, 2), samples * sizeof *plain);
    for (size_t i = 0; i < samples; i++) {
        assert_true(result(b, 0)[i] == 0 && result(b, 3)[i] == 0);
    }
    free(plain);
    free_bench(b);
}

static void test_none_is_wanted(void **state)
{
    (void)state;
    fake_network network = fake_identity(512, 128, 2);
    fake_signal signal = fake_noise(2, 10, 1);
    bsm_separation separation = {
        .config = &network.config, .signal = fake_reader(&signal), .lanes = 1, .wanted = {true}};
    bsm_expander *expander;
    assert_int_equal(bsm_expander_new(&separation, &expander, NULL), BSM_OK);
    assert_null(expander);
    assert_ptr_equal(separation.signal.user, &signal);
    fake_signal_clear(&signal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_is_not_touched),
        cmocka_unit_test(test_faint_is_turned_down),
        cmocka_unit_test(test_lanes_and_stems),
        cmocka_unit_test(test_cuts_make_no_difference),
        cmocka_unit_test(test_opens_before_and_closes_late),
        cmocka_unit_test(test_forgets_what_is_no_number),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_none_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
