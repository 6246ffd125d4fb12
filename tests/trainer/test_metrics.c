/* SPDX-License-Identifier: ISC */
/* Tests signal to distortion ratios with signals whose ratios are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "noise.h"
#include "validate/metrics.h"

enum { RATE = 100, MAX_SECONDS = 12, MAX_SAMPLES = MAX_SECONDS * RATE };

static float target[2][MAX_SAMPLES], estimate[2][MAX_SAMPLES];

static void assert_near(double actual, double expected)
{
    if (!(fabs(actual - expected) < 1e-5)) {
        fail_msg("%.9g instead of %.9g", actual, expected);
    }
}

static bsm_metrics *new_metrics(size_t rate, size_t channels)
{
    bsm_metrics *metrics;
    bsm_error error;
    assert_int_equal(bsm_metrics_new(rate, channels, &metrics, &error), BSM_OK);
    return metrics;
}

static void add(bsm_metrics *metrics, size_t from, size_t samples)
{
    const float *const t[] = {target[0] + from, target[1] + from};
    const float *const e[] = {estimate[0] + from, estimate[1] + from};
    assert_int_equal(bsm_metrics_add(metrics, t, e, samples, NULL), BSM_OK);
}

static bsm_sdr measure(size_t channels, size_t samples)
{
    bsm_metrics *metrics = new_metrics(RATE, channels);
    add(metrics, 0, samples);
    bsm_sdr sdr = bsm_metrics_finish(metrics);
    bsm_metrics_free(metrics);
    return sdr;
}

/* Fill second `second` of both channels with a constant target t and estimate e. */
static void set_second(size_t second, double t, double e)
{
    for (size_t i = second * RATE; i < (second + 1) * RATE; i++) {
        target[0][i] = target[1][i] = (float)t;
        estimate[0][i] = estimate[1][i] = (float)e;
    }
}

/* Fill a second with a target of 0.5 and an estimate whose ratio is `db`. */
static void set_ratio(size_t second, double db)
{
    set_second(second, 0.5, 0.5 + 0.5 * pow(10, -db / 20));
}

static void test_known_ratio(void **state)
{
    (void)state;
    for (size_t second = 0; second < 3; second++) {
        set_ratio(second, 20);
    }
    for (size_t channels = 1; channels <= 2; channels++) {
        bsm_sdr sdr = measure(channels, 3 * RATE);
        assert_near(sdr.usdr, 20);
        assert_near(sdr.csdr, 20);
        assert_int_equal(sdr.frames, 3);
        assert_int_equal(sdr.sparse_frames, 0);
        assert_int_equal(sdr.silent_frames, 0);
        assert_true(isnan(sdr.sparse_csdr));
        assert_true(isnan(sdr.silent_residual) && isnan(sdr.typical_residual));
    }
}

/* The energies of both channels are added before the ratio is computed. */
static void test_channels_are_taken_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < RATE; i++) {
        target[0][i] = 1.0F;
        estimate[0][i] = 0.5F;
        target[1][i] = 0.0F;
        estimate[1][i] = 0.25F;
    }
    assert_near(measure(2, RATE).usdr, 10 * log10(1 / (0.25 + 0.0625)));
    assert_near(measure(2, RATE).csdr, 10 * log10(1 / (0.25 + 0.0625)));
    assert_near(measure(1, RATE).usdr, 10 * log10(4));
}

static void test_median_and_whole(void **state)
{
    (void)state;
    const double db[] = {30, 0, 20, 10};
    double error = 0;
    for (size_t second = 0; second < 4; second++) {
        set_ratio(second, db[second]);
        error += pow(10, -db[second] / 10);
    }
    assert_near(measure(2, 3 * RATE).csdr, 20);
    bsm_sdr sdr = measure(2, 4 * RATE);
    assert_near(sdr.csdr, 15); /* the mean of the middle two */
    assert_near(sdr.usdr, 10 * log10(4 / error));
}

static void test_rest_of_a_second(void **state)
{
    (void)state;
    set_ratio(0, 20);
    set_ratio(1, 0);
    bsm_sdr sdr = measure(2, RATE + RATE - 1);
    assert_int_equal(sdr.frames, 1);
    assert_near(sdr.csdr, 20);
    assert_near(sdr.usdr, 10 * log10((2 * RATE - 1) / (0.01 * RATE + RATE - 1)));
}

static void test_less_than_a_second(void **state)
{
    (void)state;
    set_ratio(0, 10);
    for (size_t samples = 1; samples < RATE; samples += 49) {
        bsm_sdr sdr = measure(2, samples);
        assert_int_equal(sdr.frames, 1);
        assert_near(sdr.csdr, 10);
        assert_near(sdr.usdr, 10);
    }
    bsm_sdr none = measure(2, 0);
    assert_int_equal(none.frames, 0);
    assert_true(isnan(none.usdr) && isnan(none.csdr));
}

static void test_silent_frames_are_left_out(void **state)
{
    (void)state;
    set_ratio(0, 10);
    set_second(1, 0, 0.1);  /* a silent target */
    set_second(2, 0.5, 0);  /* a silent estimate */
    set_second(3, 0, 0);    /* both silent */
    set_second(4, 1e-4, 0); /* a target that is quiet but not silent; a silent estimate */
    set_ratio(5, 30);
    bsm_sdr sdr = measure(2, 6 * RATE);
    assert_int_equal(sdr.frames, 2);
    assert_near(sdr.csdr, 20);
    const double error = 0.025 + 0.01 + 0.25 + 1e-8 + 0.00025;
    assert_near(sdr.usdr, 10 * log10((3 * 0.25 + 1e-8) / error));
    assert_int_equal(sdr.silent_frames, 3);
    assert_near(sdr.silent_residual, 10 * log10((0.01 + 0 + 1e-8) / 3));
}

/* museval would take these channels for silence, because it adds them. */
static void test_opposite_channels_are_not_silent(void **state)
{
    (void)state;
    for (size_t i = 0; i < RATE; i++) {
        target[0][i] = 0.5F;
        target[1][i] = -0.5F;
        estimate[0][i] = 0.25F;
        estimate[1][i] = -0.25F;
    }
    bsm_sdr sdr = measure(2, RATE);
    assert_int_equal(sdr.frames, 1);
    assert_near(sdr.csdr, 10 * log10(4));
}

static void test_sparse_frames(void **state)
{
    (void)state;
    set_second(0, 0, 0.01);
    set_ratio(1, 1); /* not sparse, because only one quiet second precedes it */
    set_second(2, 0, 0.01);
    set_second(3, 0.0009, 0.01); /* quiet */
    set_ratio(4, 7);             /* sparse */
    set_ratio(5, 2);             /* no longer sparse */
    set_second(6, 0, 0);
    set_second(7, 0, 0);
    set_second(8, 0, 0);
    set_second(9, 0.5, 0); /* sparse, but not separated: 0 dB */
    bsm_sdr sdr = measure(2, 10 * RATE);
    assert_int_equal(sdr.sparse_frames, 2);
    assert_near(sdr.sparse_csdr, 3.5);
    assert_int_equal(sdr.frames, 4);
    assert_int_equal(sdr.silent_frames, 6);
    assert_near(sdr.silent_residual, 10 * log10((2 * 1e-4 + pow(0.0091, 2)) / 6));
    /* median of 0 0 0 x 1e-4 1e-4 */
    assert_near(sdr.typical_residual, 10 * log10(pow(0.0091, 2) / 2));
}

static void test_quiet_is_below_60_db(void **state)
{
    (void)state;
    set_second(0, 0.00101, 0);
    assert_int_equal(measure(2, RATE).silent_frames, 0);
    set_second(0, 0.00099, 0);
    assert_int_equal(measure(2, RATE).silent_frames, 1);
}

static void test_ends_of_the_scale(void **state)
{
    (void)state;
    set_second(0, 0.5, 0.5);
    bsm_sdr sdr = measure(2, RATE);
    assert_true(isinf(sdr.usdr) && sdr.usdr > 0);
    assert_true(isinf(sdr.csdr) && sdr.csdr > 0);
    set_second(0, 0, 0.5);
    sdr = measure(2, RATE);
    assert_true(isnan(sdr.usdr) && isnan(sdr.csdr));
    assert_near(sdr.silent_residual, 10 * log10(0.25));
    set_second(0, 0, 0);
    sdr = measure(2, RATE);
    assert_true(isinf(sdr.silent_residual) && sdr.silent_residual < 0);
    assert_true(isinf(sdr.typical_residual) && sdr.typical_residual < 0);
}

static void test_pieces_do_not_matter(void **state)
{
    (void)state;
    enum { SAMPLES = MAX_SAMPLES - 37 };
    uint64_t seed = 3;
    for (size_t c = 0; c < 2; c++) {
        noise_fill(&seed, target[c], SAMPLES);
        noise_fill(&seed, estimate[c], SAMPLES);
        memset(target[c] + 3 * RATE, 0, 3 * RATE * sizeof(float));
    }
    const bsm_sdr whole = measure(2, SAMPLES);
    assert_int_equal(whole.sparse_frames, 1);
    bsm_metrics *metrics = new_metrics(RATE, 2);
    for (int round = 0; round < 50; round++) { /* each round uses the same object again */
        for (size_t at = 0; at < SAMPLES;) {
            size_t count = noise_size(&seed, 0, round < 2 ? 3 : 3 * RATE);
            count = count < SAMPLES - at ? count : SAMPLES - at;
            add(metrics, at, count);
            at += count;
        }
        const bsm_sdr pieces = bsm_metrics_finish(metrics);
        assert_true(pieces.usdr == whole.usdr);
        assert_true(pieces.csdr == whole.csdr);
        assert_true(pieces.sparse_csdr == whole.sparse_csdr);
        assert_true(pieces.silent_residual == whole.silent_residual);
        assert_int_equal(pieces.frames, whole.frames);
        assert_int_equal(pieces.silent_frames, whole.silent_frames);
    }
    bsm_metrics_free(metrics);
}

static void test_mean_and_median(void **state)
{
    (void)state;
    double values[] = {3, -INFINITY, 1, 10};
    assert_true(isnan(bsm_mean(values, 0)) && isnan(bsm_median(values, 0)));
    assert_near(bsm_median(values, 1), 3);
    assert_near(bsm_median(values, 4), 2);
    assert_near(bsm_mean(values + 1, 3), 14.0 / 3); /* sorted */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_ratio),
        cmocka_unit_test(test_channels_are_taken_together),
        cmocka_unit_test(test_median_and_whole),
        cmocka_unit_test(test_rest_of_a_second),
        cmocka_unit_test(test_less_than_a_second),
        cmocka_unit_test(test_silent_frames_are_left_out),
        cmocka_unit_test(test_opposite_channels_are_not_silent),
        cmocka_unit_test(test_sparse_frames),
        cmocka_unit_test(test_quiet_is_below_60_db),
        cmocka_unit_test(test_ends_of_the_scale),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_mean_and_median),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
