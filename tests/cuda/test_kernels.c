/* SPDX-License-Identifier: ISC */
/* Tests the kernels of norms, bands and masks, run on the host, against double arithmetic and
 * against `reference`, with sizes that are no multiples of a warp or a block. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/reference/modules.h"
#include "kernels.h"
#include "numbers.h"

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void test_bf16(void **unused)
{
    (void)unused;
    const uint32_t in[] = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001, 0x7f800000,
                           0xff800000, 0x7fc00000, 0x7f800001, 0x7f7fffff, 0x80000000};
    const uint16_t out[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80,
                            0xff80, 0x7fc0, 0x7fc0, 0x7f80, 0x8000};
    enum { COUNT = sizeof in / sizeof *in };
    float values[COUNT];
    uint16_t bf16[COUNT];
    memcpy(values, in, sizeof in);
    bsm_kernel_to_bf16(NULL, COUNT, values, bf16);
    assert_memory_equal(bf16, out, sizeof out);
}

/* ---- Norms ---- */

static size_t row_of(const bsm_rows *rows, size_t r)
{
    return rows->first + r / rows->per * rows->stride + r % rows->per;
}

static void check_rms_norm(bool bf16, const bsm_rows *rows, size_t dim)
{
    size_t count = (size_t)rows->batches * rows->per, all = row_of(rows, count - 1) + 1;
    float *x = noise(all * dim, -2, 2), *weight = noise(dim, 0.5f, 1.5f), *u = zeros(count * dim);
    for (size_t r = 0; r < count; r++) {
        bsm_reference_rms_norm(dim, x + row_of(rows, r) * dim, weight, u + r * dim);
    }
    bsm_rms_norm norm = {*rows, (uint32_t)dim, x, weight, new_values(bf16, count * dim)};
    bsm_kernel_rms_norm((bsm_kernel_queue){NULL, bf16}, &norm);
    assert_values(bf16, norm.u, u, count * dim);
}

/* Compute what is expected of row r: x after the join in `after`, and the joined row. If the join
 * has squares, what was mixed is multiplied by a factor. */
static void expect_join(const bsm_join *j, size_t r, const float *mixed, float *after,
                        float *joined)
{
    size_t row = row_of(&j->rows, r), dim = j->dim;
    double square = 0;
    for (size_t h = 0; j->squares && h < j->heads; h++) {
        square += (double)j->squares[r * j->heads + h];
    }
    double factor = j->squares ? 1 / sqrt(square / j->inner + 1e-5) : 1;
    for (size_t i = 0; i < dim; i++) {
        joined[r * dim + i] = (float)((double)after[row * dim + i] + factor * (double)mixed[i]);
        after[row * dim + i] += j->bias ? j->bias[i] : 0;
    }
}

static void check_join(bool bf16, const bsm_rows *rows, size_t dim, bool scaled, bool with_bias)
{
    enum { HEADS = 37, INNER = 74 };
    size_t count = (size_t)rows->batches * rows->per, all = row_of(rows, count - 1) + 1;
    float *mixed = coarse_noise(count * dim, -2, 2), *joined = zeros(count * dim);
    bsm_join j = {.rows = *rows,
                  .dim = (uint32_t)dim,
                  .joined_stride = (uint32_t)dim,
                  .heads = HEADS,
                  .inner = INNER,
                  .squares = scaled ? noise(count * HEADS, 0.5f, 3) : NULL,
                  .mixed = to_values(bf16, mixed, count * dim),
                  .x = noise(all * dim, -2, 2),
                  .bias = with_bias ? noise(dim, -1, 1) : NULL,
                  .joined = new_values(bf16, all * dim)};
    float *after = copy(j.x, all * dim), *actual = zeros(count * dim);
    for (size_t r = 0; r < count; r++) {
        expect_join(&j, r, mixed + r * dim, after, joined);
    }
    bsm_kernel_join((bsm_kernel_queue){NULL, bf16}, &j);
    for (size_t k = 0; k < count * dim; k++) {
        actual[k] = value_at(bf16, j.joined, row_of(rows, k / dim) * dim + k % dim);
    }
    assert_values(bf16, to_values(bf16, actual, count * dim), joined, count * dim);
    assert_numbers(j.x, after, all * dim);
}

static const bsm_rows row_cases[] = {{0, 1, 1, 1}, {2, 3, 7, 5}, {0, 11, 11, 3}};

static void test_rms_norm(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof row_cases / sizeof *row_cases; i++) {
        for (size_t dim = 1; dim < 100; dim = 3 * dim + 1) {
            check_rms_norm(false, &row_cases[i], dim);
            check_rms_norm(true, &row_cases[i], dim);
        }
    }
}

static void test_join(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof row_cases / sizeof *row_cases; i++) {
        for (size_t dim = 1; dim < 100; dim = 3 * dim + 1) {
            check_join(false, &row_cases[i], dim, i > 0, i != 1);
            check_join(true, &row_cases[i], dim, i != 1, i > 0);
        }
    }
}

static void test_l2_norm(void **unused)
{
    (void)unused;
    enum { DIM = 37, BANDS = 3, FRAMES = 5, ALL = 9 };
    const bsm_rows rows = {.first = 2, .per = FRAMES, .stride = ALL, .batches = BANDS};
    float *x = noise(BANDS * ALL * DIM, -2, 2), *gamma = noise(DIM, 0.5f, 1.5f);
    float *expected = zeros(BANDS * FRAMES * DIM);
    memset(x + 3 * DIM, 0, DIM * sizeof *x); /* silence must not divide by zero */
    for (size_t r = 0; r < BANDS * FRAMES; r++) {
        bsm_reference_l2_norm(DIM, x + row_of(&rows, r) * DIM, gamma, expected + r * DIM);
    }
    for (int bf16 = 0; bf16 < 2; bf16++) {
        void *u = new_values(bf16, BANDS * FRAMES * DIM);
        bsm_l2_norm norm = {rows, DIM, x, gamma, u};
        bsm_kernel_l2_norm((bsm_kernel_queue){NULL, bf16}, &norm);
        assert_values(bf16, u, expected, BANDS * FRAMES * DIM);
    }
}

/* ---- Bands ---- */

enum { SPLIT_BANDS = 3, SPLIT_FRAMES = 5, SPLIT_FEATURES = 4 + 40 + 36, SPLIT_WIDTH = 8 + 2 * 40 };

static const bsm_packed_band split_bands[SPLIT_BANDS] = {
    {.offset = 0, .features = 4, .width = 8, .before = 0},
    {.offset = 4, .features = 40, .width = 40, .before = 8},
    {.offset = 44, .features = 36, .width = 40, .before = 48},
};

static void test_split(void **unused)
{
    (void)unused;
    enum { DIM = 33 };
    float *spectrum = noise(SPLIT_FRAMES * SPLIT_FEATURES, -1, 1);
    float *gamma = noise(SPLIT_FEATURES, 0.5f, 1.5f), *bias = noise(SPLIT_BANDS * DIM, -1, 1);
    float *x = zeros(SPLIT_BANDS * SPLIT_FRAMES * DIM);
    float *expected = zeros(SPLIT_FRAMES * SPLIT_WIDTH);
    memset(spectrum, 0, SPLIT_FEATURES * sizeof *spectrum);
    for (size_t k = 0; k < SPLIT_BANDS; k++) {
        const bsm_packed_band *b = &split_bands[k];
        for (size_t t = 0; t < SPLIT_FRAMES; t++) {
            bsm_reference_l2_norm(b->features, spectrum + t * SPLIT_FEATURES + b->offset,
                                  gamma + b->offset,
                                  expected + b->before * SPLIT_FRAMES + t * b->width);
        }
    }
    for (int bf16 = 0; bf16 < 2; bf16++) {
        void *packed = new_values(bf16, SPLIT_FRAMES * SPLIT_WIDTH);
        bsm_split split = {SPLIT_FRAMES, SPLIT_BANDS, SPLIT_FEATURES, DIM,    split_bands,
                           spectrum,     gamma,       bias,           packed, x};
        bsm_kernel_split((bsm_kernel_queue){NULL, bf16}, &split);
        assert_values(bf16, packed, expected, SPLIT_FRAMES * SPLIT_WIDTH);
        for (size_t row = 0; row < SPLIT_BANDS * SPLIT_FRAMES; row++) {
            const float *of_band = bias + row / SPLIT_FRAMES * DIM;
            assert_memory_equal(x + row * DIM, of_band, DIM * sizeof *x);
        }
    }
}

static void test_tanh(void **unused)
{
    (void)unused;
    enum { BANDS = 3, ROWS = 5, WIDTH = 29, COUNT = BANDS * ROWS * WIDTH };
    float *hidden = noise(COUNT, -3, 3), *bias = noise(BANDS * WIDTH, -1, 1);
    float *expected = zeros(COUNT);
    hidden[7] = 1e30f;
    hidden[8] = -1e30f;
    for (size_t i = 0; i < COUNT; i++) {
        size_t band = i / (ROWS * WIDTH);
        expected[i] = (float)tanh((double)hidden[i] + (double)bias[band * WIDTH + i % WIDTH]);
    }
    for (int bf16 = 0; bf16 < 2; bf16++) {
        void *out = new_values(bf16, COUNT);
        bsm_tanh h = {BANDS, ROWS, WIDTH, hidden, bias, out};
        bsm_kernel_tanh((bsm_kernel_queue){NULL, bf16}, &h);
        assert_values(bf16, out, expected, COUNT);
    }
}

static void test_apply_mask(void **unused)
{
    (void)unused;
    float *values = noise(2 * SPLIT_FRAMES * SPLIT_WIDTH, -2, 2);
    float *bias = noise(2 * SPLIT_WIDTH, -1, 1),
          *mixture = noise(SPLIT_FRAMES * SPLIT_FEATURES, -1, 1);
    float *masked = zeros(SPLIT_FRAMES * SPLIT_FEATURES);
    float *expected = zeros(SPLIT_FRAMES * SPLIT_FEATURES);
    uint16_t *band_of = malloc(SPLIT_FEATURES / 2 * sizeof *band_of);
    assert_non_null(band_of);
    for (size_t k = 0; k < SPLIT_BANDS; k++) {
        const bsm_packed_band *b = &split_bands[k];
        for (size_t i = 0; i < b->features; i += 2) {
            band_of[(b->offset + i) / 2] = (uint16_t)k;
            for (size_t t = 0; t < SPLIT_FRAMES; t++) {
                const float *v = values + 2 * (b->before * SPLIT_FRAMES + t * b->width) + i;
                const float *c = bias + 2 * b->before + i;
                double m[2];
                for (size_t part = 0; part < 2; part++) {
                    m[part] = ((double)v[part] + (double)c[part]) *
                              sigmoid((double)v[b->width + part] + (double)c[b->width + part]);
                }
                size_t at = t * SPLIT_FEATURES + b->offset + i;
                double re = (double)mixture[at], im = (double)mixture[at + 1];
                expected[at] = (float)(re * m[0] - im * m[1]);
                expected[at + 1] = (float)(re * m[1] + im * m[0]);
            }
        }
    }
    bsm_apply_mask mask = {SPLIT_FRAMES, SPLIT_FEATURES, band_of, split_bands,
                           values,       bias,           mixture, masked};
    bsm_kernel_apply_mask((bsm_kernel_queue){NULL, false}, &mask);
    assert_values(false, masked, expected, SPLIT_FRAMES * SPLIT_FEATURES);
    free(band_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bf16),
        cmocka_unit_test_teardown(test_rms_norm, free_numbers),
        cmocka_unit_test_teardown(test_join, free_numbers),
        cmocka_unit_test_teardown(test_l2_norm, free_numbers),
        cmocka_unit_test_teardown(test_split, free_numbers),
        cmocka_unit_test_teardown(test_tanh, free_numbers),
        cmocka_unit_test_teardown(test_apply_mask, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
