/* SPDX-License-Identifier: ISC */
/* Tests the backward kernels of the parts that differ from band to band, run on the host: against
 * plain loops, and the mask against finite differences in double. The frames do not fill the pieces
 * that the kernels work on, and the widths of bands are odd. Bands are not padded in training. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "numbers.h"
#include "training/training_kernels.h"

enum { BANDS = 3, FEATURES = 4 + 42 + 34 };

static const bsm_packed_band bands[BANDS] = {
    {.offset = 0, .features = 4, .width = 4, .before = 0},
    {.offset = 4, .features = 42, .width = 42, .before = 4},
    {.offset = 46, .features = 34, .width = 34, .before = 46},
};

static const size_t frame_counts[] = {1, 64, 131};

enum { NUM_COUNTS = sizeof frame_counts / sizeof *frame_counts };

static uint16_t band_of[FEATURES / 2];

static int fill_band_of(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < BANDS; k++) {
        for (size_t i = 0; i < bands[k].features; i += 2) {
            band_of[(bands[k].offset + i) / 2] = (uint16_t)k;
        }
    }
    return 0;
}

static size_t pieces_of(size_t rows)
{
    return (rows + BSM_PIECE_ROWS - 1) / BSM_PIECE_ROWS;
}

/* ---- Band split ---- */

static void check_split_backward(size_t frames)
{
    float *spectrum = noise(frames * FEATURES, -1, 1), *d_packed = noise(frames * FEATURES, -1, 1);
    float *factors = new_values(false, BANDS * frames);
    float *partial = new_values(false, pieces_of(frames) * FEATURES);
    float *expected = zeros(pieces_of(frames) * FEATURES);
    for (size_t k = 0; k < BANDS * frames; k++) {
        const bsm_packed_band *band = &bands[k / frames];
        const size_t t = k % frames;
        const float *f = spectrum + t * FEATURES + band->offset;
        const float *d = d_packed + band->before * frames + t * band->width;
        double square = 0;
        for (size_t i = 0; i < band->features; i++) {
            square += (double)f[i] * (double)f[i];
        }
        for (size_t i = 0; i < band->features; i++) {
            expected[t / BSM_PIECE_ROWS * FEATURES + band->offset + i] +=
                (float)((double)d[i] * (double)f[i] * sqrt((double)band->features / square));
        }
    }
    const bsm_split_backward split = {(uint32_t)frames, BANDS,    FEATURES, band_of, bands,
                                      spectrum,         d_packed, factors,  partial};
    bsm_kernel_split_backward((bsm_kernel_queue){0}, &split);
    assert_numbers(partial, expected, pieces_of(frames) * FEATURES);
}

static void test_split_backward(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < NUM_COUNTS; i++) {
        check_split_backward(frame_counts[i]);
    }
}

/* ---- tanh ---- */

static void check_tanh_backward(bool bf16, size_t rows, size_t width)
{
    const size_t count = BANDS * rows * width, pieces = pieces_of(rows);
    void *out = to_values(bf16, noise(count, -1, 1), count), *d_hidden = new_values(bf16, count);
    float *d_out = noise(count, -1, 1), *expected = zeros(count);
    float *partial = new_values(false, BANDS * pieces * width),
          *sums = zeros(BANDS * pieces * width);
    for (size_t k = 0; k < count; k++) {
        const double t = (double)value_at(bf16, out, k), d = (double)d_out[k] * (1 - t * t);
        const size_t row = k / width, band = row / rows;
        const size_t piece = band * pieces + row % rows / BSM_PIECE_ROWS;
        expected[k] = (float)d;
        sums[piece * width + k % width] += (float)d;
    }
    const bsm_tanh_backward h = {BANDS, (uint32_t)rows, (uint32_t)width, out,
                                 d_out, d_hidden,       partial};
    bsm_kernel_tanh_backward((bsm_kernel_queue){NULL, bf16}, &h);
    assert_values(bf16, d_hidden, expected, count);
    assert_numbers(partial, sums, BANDS * pieces * width);
}

static void test_tanh_backward(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < NUM_COUNTS; i++) {
        check_tanh_backward(false, frame_counts[i], 29);
        check_tanh_backward(true, frame_counts[i], 3);
    }
}

/* ---- Mask ---- */

/* One complex number: the two values and two gates of its mask, the mixture, and d, the gradient by
 * the masked number. */
typedef struct masked_number {
    double value[2], gate[2], mixture[2], d[2];
} masked_number;

static double mask_value(const masked_number *n)
{
    double m[2];
    for (size_t part = 0; part < 2; part++) {
        m[part] = n->value[part] / (1 + exp(-n->gate[part]));
    }
    return n->d[0] * (n->mixture[0] * m[0] - n->mixture[1] * m[1]) +
           n->d[1] * (n->mixture[0] * m[1] + n->mixture[1] * m[0]);
}

static double mask_slope(const masked_number *n, double *by)
{
    const double step = 1e-5, at = *by;
    *by = at + step;
    const double above = mask_value(n);
    *by = at - step;
    const double below = mask_value(n);
    *by = at;
    return (above - below) / (2 * step);
}

/* Return the complex number at the even feature `i` of a band in frame t. */
static masked_number number_at(const bsm_apply_mask_backward *m, const bsm_packed_band *band,
                               size_t t, size_t i)
{
    const size_t at = 2 * (band->before * m->forward.frames + t * band->width) + i;
    const size_t bias = 2 * band->before + i, there = t * FEATURES + band->offset + i;
    masked_number n;
    for (size_t part = 0; part < 2; part++) {
        const float *value = m->forward.values + at + part, *b = m->forward.bias + bias + part;
        n.value[part] = (double)value[0] + (double)b[0];
        n.gate[part] = (double)value[band->width] + (double)b[band->width];
        n.mixture[part] = (double)m->forward.mixture[there + part];
        n.d[part] = (double)m->d_masked[there + part];
    }
    return n;
}

static void expect_number(const bsm_apply_mask_backward *m, const bsm_packed_band *band, size_t t,
                          size_t i, float *d_values, float *sums)
{
    masked_number n = number_at(m, band, t, i);
    float *d = d_values + 2 * (band->before * m->forward.frames + t * band->width) + i;
    float *sum = sums + 2 * (t / BSM_PIECE_ROWS * FEATURES + band->before) + i;
    for (size_t part = 0; part < 2; part++) {
        d[part] = (float)mask_slope(&n, &n.value[part]);
        d[band->width + part] = (float)mask_slope(&n, &n.gate[part]);
        sum[part] += d[part];
        sum[band->width + part] += d[band->width + part];
    }
}

static void check_mask_backward(bool bf16, size_t frames)
{
    const size_t count = 2 * frames * FEATURES, partials = 2 * pieces_of(frames) * FEATURES;
    const bsm_apply_mask_backward m = {.forward = {.frames = (uint32_t)frames,
                                                   .features = FEATURES,
                                                   .band_of = band_of,
                                                   .bands = bands,
                                                   .values = noise(count, -2, 2),
                                                   .bias = noise(2 * (size_t)FEATURES, -1, 1),
                                                   .mixture = noise(frames * FEATURES, -1, 1)},
                                       .d_masked = noise(frames * FEATURES, -1, 1),
                                       .d_values = new_values(bf16, count),
                                       .partial = new_values(false, partials)};
    float *d_values = zeros(count), *sums = zeros(partials);
    for (size_t k = 0; k < BANDS; k++) {
        for (size_t at = 0; at < frames * bands[k].features; at += 2) {
            const size_t t = at / bands[k].features;
            expect_number(&m, &bands[k], t, at % bands[k].features, d_values, sums);
        }
    }
    bsm_kernel_apply_mask_backward((bsm_kernel_queue){NULL, bf16}, &m);
    assert_values(bf16, m.d_values, d_values, count);
    assert_numbers(m.partial, sums, partials);
}

static void test_mask_backward(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < NUM_COUNTS; i++) {
        check_mask_backward(false, frame_counts[i]);
        check_mask_backward(true, frame_counts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_split_backward, free_numbers),
        cmocka_unit_test_teardown(test_tanh_backward, free_numbers),
        cmocka_unit_test_teardown(test_mask_backward, free_numbers),
    };
    return cmocka_run_group_tests(tests, fill_band_of, NULL);
}
