/* SPDX-License-Identifier: ISC */
/* Tests the terms of the loss, the norm of the gradients and AdamW, run on the host, against plain
 * loops in double: with fewer numbers than a block has threads, and with more than all blocks
 * together have. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bsm/training.h"
#include "numbers.h"
#include "training/training_kernels.h"

static const bsm_kernel_queue queue = {0};
static const size_t counts[] = {1, 255, 257, 264 * 256 + 77};

enum { NUM_COUNTS = sizeof counts / sizeof *counts };

/* ---- The loss ---- */

static void check_time_term(size_t count)
{
    float *target = noise(count, -1, 1), *predicted = noise(count, -1, 1);
    float *gradient = new_values(false, count), *difference = zeros(count);
    double *partial = double_zeros(BSM_REDUCING_BLOCKS), sum = NAN, expected = 0;
    predicted[count / 2] = target[count / 2];
    for (size_t i = 0; i < count; i++) {
        difference[i] = predicted[i] - target[i];
        expected += fabs((double)difference[i]);
    }
    const bsm_time_term term = {count, 0.25F, target, predicted, gradient, partial, &sum, 0};
    bsm_kernel_time_term(queue, &term);
    for (size_t i = 0; i < count; i++) {
        const float sign = (float)((difference[i] > 0) - (difference[i] < 0));
        assert_true(predicted[i] == difference[i] && gradient[i] == 0.25F * sign);
    }
    assert_sum(sum, expected);
}

static void test_time_term(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < NUM_COUNTS; i++) {
        check_time_term(counts[i]);
    }
}

static void check_square_term(size_t count)
{
    float *target = noise(count, -1, 1), *predicted = noise(count, -1, 1);
    float *gradient = new_values(false, count), *difference = zeros(count);
    double *partial = double_zeros(BSM_REDUCING_BLOCKS), sum = NAN, expected = 0;
    for (size_t i = 0; i < count; i++) {
        difference[i] = predicted[i] - target[i];
        expected += (double)difference[i] * (double)difference[i];
    }
    const bsm_time_term term = {count,    0.25F,   target, predicted,
                                gradient, partial, &sum,   BSM_SQUARE_FLOOR};
    bsm_kernel_square_term(queue, &term);
    const double root = sqrt(expected / (double)count + BSM_SQUARE_FLOOR);
    for (size_t i = 0; i < count; i++) {
        const double wanted = 0.25 * (double)difference[i] / root;
        assert_true(predicted[i] == difference[i]);
        assert_true(fabs((double)gradient[i] - wanted) <= 1e-6 * (fabs(wanted) + 1e-6));
    }
    assert_sum(sum, expected);
}

static void test_square_term(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < NUM_COUNTS; i++) {
        check_square_term(counts[i]);
    }
}

/* A NaN must show in the loss and in its gradient. */
static void test_time_term_of_nan(void **unused)
{
    (void)unused;
    float target[] = {0, 0, 0}, predicted[] = {1, NAN, 0}, gradient[3];
    double partial[BSM_REDUCING_BLOCKS], sum = 0;
    const bsm_time_term term = {3, 1, target, predicted, gradient, partial, &sum, 0};
    bsm_kernel_time_term(queue, &term);
    assert_true(isnan(sum) && isnan(gradient[1]) && gradient[0] == 1 && gradient[2] == 0);
}

typedef struct silence_case {
    size_t samples, piece, channels;
    double floor, step;
    float *mixture, *target, *difference;
} silence_case;

static double energy(const silence_case *c, const float *a, const float *b, size_t first,
                     size_t end)
{
    double sum = 0;
    for (size_t channel = 0; channel < c->channels; channel++) {
        for (size_t i = first; i < end; i++) {
            const size_t at = channel * c->samples + i;
            const double x = (double)a[at] + (b ? (double)b[at] : 0);
            sum += x * x;
        }
    }
    return sum;
}

/* Return 10 log10(1 + predicted / allowed) of a silent piece, weighted with its share of the
 * samples. */
static double expect_piece(const silence_case *c, size_t first, size_t end, float *gradient)
{
    const double share = (double)(end - first) / (double)c->samples;
    const double allowed = c->floor * energy(c, c->mixture, NULL, first, end);
    const double predicted = energy(c, c->target, c->difference, first, end);
    if (!(energy(c, c->target, NULL, first, end) < allowed)) {
        return 0;
    }
    for (size_t channel = 0; channel < c->channels; channel++) {
        for (size_t i = first; i < end; i++) {
            const size_t at = channel * c->samples + i;
            const double x = (double)c->target[at] + (double)c->difference[at];
            gradient[at] += (float)(c->step * share * 10 / log(10) * 2 * x / (allowed + predicted));
        }
    }
    return share * 10 * log10(1 + predicted / allowed);
}

static void check_silence_term(size_t samples, size_t piece, size_t channels)
{
    const size_t count = samples * channels;
    silence_case c = {samples,
                      piece,
                      channels,
                      1e-2,
                      3,
                      noise(count, -1, 1),
                      noise(count, -1, 1),
                      noise(count, -1, 1)};
    float *gradient = noise(count, -1e-3F, 1e-3F), *expected = copy(gradient, count);
    double *partial = double_zeros(BSM_REDUCING_BLOCKS), sum = NAN, expected_sum = 0;
    for (size_t i = 0; i < count; i++) {
        c.target[i] *= i % samples / piece % 3 == 1 ? 1 : 1e-3F; /* every third piece is loud */
    }
    for (size_t first = 0; first < samples; first += piece) {
        const size_t end = first + piece < samples ? first + piece : samples;
        expected_sum += expect_piece(&c, first, end, expected);
    }
    const bsm_silence_term term = {samples,   piece,    (uint32_t)channels, c.floor,  c.step,
                                   c.mixture, c.target, c.difference,       gradient, partial,
                                   &sum};
    bsm_kernel_silence_term(queue, &term);
    assert_numbers(gradient, expected, count);
    assert_true(expected_sum > 0);
    assert_sum(sum, expected_sum);
}

static void test_silence_term(void **unused)
{
    (void)unused;
    check_silence_term(1, 5, 1);
    check_silence_term(1000, 300, 2); /* the last piece is shorter */
    check_silence_term(1000, 3, 1);   /* more pieces than blocks */
}

/* The gradient by a modulus is `step`, here 3. It is halved for inner bins, because the inverse
 * transform that follows counts them twice. */
static void check_moduli(size_t n_fft, size_t transforms)
{
    const size_t bins = n_fft / 2 + 1, count = transforms * bins;
    float *z = noise(2 * count, -1, 1), *expected = zeros(2 * count);
    double *partial = double_zeros(BSM_REDUCING_BLOCKS), sum = NAN, expected_sum = 0;
    z[0] = z[1] = 0; /* 0 has no direction */
    for (size_t i = 0; i < count; i++) {
        const double modulus = hypot((double)z[2 * i], (double)z[2 * i + 1]);
        const bool inner = i % bins > 0 && 2 * (i % bins) < n_fft;
        for (size_t part = 2 * i; part < 2 * i + 2 && modulus > 0; part++) {
            expected[part] = (float)((inner ? 1.5 : 3) * (double)z[part] / modulus);
        }
        expected_sum += modulus;
    }
    const bsm_moduli moduli = {(uint32_t)n_fft, transforms, 3, z, partial, &sum};
    bsm_kernel_moduli(queue, &moduli);
    assert_numbers(z, expected, 2 * count);
    assert_true(fabs(sum / expected_sum - 1) < 1e-7); /* each modulus is a float32 */
}

static void test_moduli(void **unused)
{
    (void)unused;
    check_moduli(16, 1);
    check_moduli(30, 37);
    check_moduli(64, 2100);
}

/* ---- The optimiser ---- */

static void test_square_sum(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < NUM_COUNTS; i++) {
        float *values = noise(counts[i], -2, 2);
        double *partial = double_zeros(BSM_REDUCING_BLOCKS), sum = NAN, expected = 0;
        for (size_t k = 0; k < counts[i]; k++) {
            expected += (double)values[k] * (double)values[k];
        }
        bsm_kernel_square_sum(queue, counts[i], values, partial, &sum);
        assert_sum(sum, expected);
    }
}

typedef struct adamw_vectors {
    float *weights, *gradients, *first, *second, *average;
} adamw_vectors;

static adamw_vectors expect_adamw(const bsm_gpu_adamw *a)
{
    const adamw_vectors v = {zeros(a->count), zeros(a->count), zeros(a->count), zeros(a->count),
                             zeros(a->count)};
    for (size_t i = 0; i < a->count; i++) {
        const double g = (double)a->scale * (double)a->gradients[i];
        const double first = (double)a->beta1 * (double)a->first[i] + (double)a->share1 * g;
        const double second = (double)a->beta2 * (double)a->second[i] + (double)a->share2 * g * g;
        const double size = sqrt(second) * (double)a->correct2 + (double)a->epsilon;
        const double weight =
            (double)a->keep * (double)a->weights[i] - (double)a->step * first / size;
        const double share = (double)a->ema_share;
        v.first[i] = (float)first;
        v.second[i] = (float)second;
        v.weights[i] = (float)weight;
        v.average[i] = (float)((1 - share) * (double)a->average[i] + share * weight);
    }
    return v;
}

static void check_adamw(size_t count, bool with_values)
{
    void *values = with_values ? new_values(true, count) : NULL;
    const bsm_gpu_adamw a = {.scale = 0.5F,
                             .beta1 = 0.9F,
                             .share1 = 0.1F,
                             .beta2 = 0.999F,
                             .share2 = 1e-3F,
                             .keep = 0.99F,
                             .step = 2e-2F,
                             .correct2 = 3,
                             .epsilon = 1e-3F,
                             .ema_share = 0.125F,
                             .count = count,
                             .weights = noise(count, -1, 1),
                             .gradients = noise(count, -1, 1),
                             .first = noise(count, -1, 1),
                             .second = noise(count, 0, 1),
                             .average = noise(count, -1, 1),
                             .values = values};
    const adamw_vectors expected = expect_adamw(&a);
    bsm_kernel_adamw(queue, &a);
    assert_numbers(a.weights, expected.weights, count);
    assert_numbers(a.first, expected.first, count);
    assert_numbers(a.second, expected.second, count);
    assert_numbers(a.average, expected.average, count);
    assert_memory_equal(a.gradients, expected.gradients, count * sizeof(float)); /* all zeros */
    if (with_values) {
        assert_values(true, values, expected.weights, count);
    }
}

static void test_adamw(void **unused)
{
    (void)unused;
    check_adamw(1, false);
    check_adamw(1000, true);
    check_adamw(257, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_time_term, free_numbers),
        cmocka_unit_test(test_time_term_of_nan),
        cmocka_unit_test_teardown(test_square_term, free_numbers),
        cmocka_unit_test_teardown(test_silence_term, free_numbers),
        cmocka_unit_test_teardown(test_moduli, free_numbers),
        cmocka_unit_test_teardown(test_square_sum, free_numbers),
        cmocka_unit_test_teardown(test_adamw, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
