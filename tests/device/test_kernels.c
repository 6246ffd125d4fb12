/* SPDX-License-Identifier: ISC */
/* Tests every kernel of every instruction set that this processor has, against double
 * arithmetic. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/kernels.h"
#include "device/cpu/kernels_backward.h"
#include "device/cpu/matrix.h"
#include "golden.h"
#include "noise.h"

static float *noise(size_t count, float low, float high)
{
    float *values = malloc((count ? count : 1) * sizeof *values);
    assert_non_null(values);
    static uint64_t seed = 1;
    noise_fill(&seed, values, count);
    for (size_t i = 0; i < count; i++) {
        values[i] = low + (high - low) * (values[i] + 1) / 2;
    }
    return values;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void assert_close(const float *actual, const float *expected, size_t count)
{
    assert_true(golden_relative_error(actual, expected, count) < 1e-6);
}

/* ---- Products ---- */

static void multiply_in_double(const bsm_product *p, const float *c0, float *c)
{
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            double sum = p->beta == 0 ? 0 : (double)c0[i * p->ldc + j];
            for (size_t k = 0; k < p->k; k++) {
                float a = p->transpose_a ? p->a[k * p->lda + i] : p->a[i * p->lda + k];
                float b = p->transpose_b ? p->b[j * p->ldb + k] : p->b[k * p->ldb + j];
                sum += (double)a * (double)b;
            }
            c[i * p->ldc + j] = (float)sum;
        }
    }
}

typedef void product(const bsm_kernels *kernels, const bsm_product *p);

static void plain_product(const bsm_kernels *kernels, const bsm_product *p)
{
    kernels->product(p);
}

static void library_product(const bsm_kernels *kernels, const bsm_product *p)
{
    bsm_cpu_product(kernels, p);
}

static void outer_product(const bsm_kernels *kernels, const bsm_product *p)
{
    float *space = aligned_alloc(64, BSM_OUTER_SPACE * sizeof *space);
    assert_non_null(space);
    kernels->backward->add_outer(p, space);
    free(space);
}

static void check_product(const bsm_kernels *kernels, product *run, bsm_product p)
{
    p.lda = (p.transpose_a ? p.m : p.k) + 3;
    p.ldb = (p.transpose_b ? p.k : p.n) + 5;
    p.ldc = p.n + 2;
    float *a = noise(p.lda * (p.transpose_a ? p.k : p.m), -1, 1);
    float *b = noise(p.ldb * (p.transpose_b ? p.n : p.k), -1, 1);
    float *c = noise(p.ldc * p.m, -1, 1), *expected = malloc(p.ldc * p.m * sizeof *expected);
    assert_non_null(expected);
    memcpy(expected, c, p.ldc * p.m * sizeof *c);
    p.a = a;
    p.b = b;
    p.c = c;
    multiply_in_double(&p, c, expected);
    run(kernels, &p);
    /* including the gaps between rows, which must not change */
    assert_close(c, expected, p.ldc * p.m);
    free(a);
    free(b);
    free(c);
    free(expected);
}

static void check_products(const bsm_kernels *kernels, product *run)
{
    static const size_t shapes[][3] = {{1, 1, 1},    {5, 31, 3},     {6, 32, 256}, {7, 33, 257},
                                       {64, 64, 64}, {13, 100, 515}, {62, 17, 64}, {3, 5, 1000}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (int variant = 0; variant < 8; variant++) {
            check_product(kernels, run,
                          (bsm_product){.m = shapes[s][0],
                                        .n = shapes[s][1],
                                        .k = shapes[s][2],
                                        .transpose_a = variant & 1,
                                        .transpose_b = variant & 2,
                                        .beta = variant & 4 ? 1.0f : 0.0f});
        }
    }
}

static void test_products(void **unused)
{
    (void)unused;
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        check_products(bsm_kernels_at(i), plain_product);
    }
    check_products(bsm_kernels_get(), library_product);
}

/* Incomplete tiles, several strips, and more rows than are processed at a time. */
static void test_outer_products(void **unused)
{
    (void)unused;
    static const size_t shapes[][3] = {{1, 1, 1},    {5, 31, 3},    {12, 32, 320}, {13, 33, 321},
                                       {24, 256, 7}, {7, 300, 100}, {40, 520, 2},  {100, 64, 700},
                                       {6, 32, 64},  {3, 32, 64},   {18, 70, 9}};
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            check_product(bsm_kernels_at(i), outer_product,
                          (bsm_product){.m = shapes[s][0],
                                        .n = shapes[s][1],
                                        .k = shapes[s][2],
                                        .transpose_a = true,
                                        .beta = 1});
        }
    }
}

/* Check one triangle, [rows][BSM_CHUNK], including what is above its diagonal. */
static void check_triangle(const bsm_triangle_kernels *kernels, size_t rows, size_t n)
{
    const size_t ld = n + 3, ld_y = n + 5;
    float *L = noise(BSM_CHUNK * BSM_CHUNK, -1, 1), *actual = noise(rows * ld_y, -1, 1);
    float *a = noise(rows * ld, -1, 1), *b = noise(rows * ld, -1, 1);
    float *expected = malloc(BSM_CHUNK * (BSM_CHUNK + ld_y) * sizeof *expected);
    assert_non_null(expected);
    for (size_t i = 0; i < rows; i++) {
        memset(L + i * BSM_CHUNK + i + 1, 0, (BSM_CHUNK - i - 1) * sizeof *L);
    }
    bsm_product p = {.m = rows, .n = n, .k = rows, .a = L, .lda = BSM_CHUNK, .b = a, .ldb = ld};
    p.ldc = ld_y;
    for (int variant = 0; variant < 3; variant++) { /* including the gaps between rows, as above */
        p.transpose_a = variant == 2;
        p.beta = variant == 1 ? 1.0f : 0.0f;
        memcpy(expected, actual, rows * ld_y * sizeof *actual);
        multiply_in_double(&p, actual, expected);
        if (p.transpose_a) {
            kernels->transposed_times(rows, n, L, a, ld, actual, ld_y);
        } else {
            kernels->times(rows, n, L, a, ld, p.beta, actual, ld_y);
        }
        assert_close(actual, expected, rows * ld_y);
    }
    p = (bsm_product){.m = rows,
                      .n = rows,
                      .k = n,
                      .transpose_b = true,
                      .a = a,
                      .lda = ld,
                      .b = b,
                      .ldb = ld,
                      .ldc = BSM_CHUNK};
    multiply_in_double(&p, NULL, expected);
    kernels->of_products(rows, n, a, ld, b, ld, L);
    for (size_t i = 0; i < rows; i++) {
        /* relative to the terms, below 1, because sums may cancel */
        for (size_t j = 0; j <= i; j++) {
            float error = L[i * BSM_CHUNK + j] - expected[i * BSM_CHUNK + j];
            assert_true(fabs((double)error) < 1e-6 * sqrt((double)n));
        }
    }
    free(L);
    free(actual);
    free(a);
    free(b);
    free(expected);
}

static void test_triangles(void **unused)
{
    (void)unused;
    static const size_t widths[] = {1, 7, 32, 64, 75, 128};
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        for (size_t rows = 1; rows <= BSM_CHUNK; rows++) {
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
                check_triangle(bsm_kernels_at(i)->triangle, rows, widths[w]);
            }
        }
    }
}

/* ---- Norms and point-wise functions ---- */

enum { ROWS = 5, WIDTH = 37 };

static void test_norms(void **unused)
{
    (void)unused;
    float *x = noise(ROWS * WIDTH, -2, 2), *w = noise(WIDTH, 0.5f, 1.5f);
    float expected[ROWS * WIDTH], actual[ROWS * WIDTH];
    memset(x + WIDTH, 0, WIDTH * sizeof *x); /* a silent row must not divide by zero */
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        const bsm_kernels *kernels = bsm_kernels_at(i);
        for (int l2 = 0; l2 < 2; l2++) {
            for (size_t r = 0; r < ROWS; r++) {
                const float *row = x + (l2 ? r : ROWS - 1 - r) * WIDTH;
                double sum = 0;
                for (size_t c = 0; c < WIDTH; c++) {
                    sum += (double)row[c] * (double)row[c];
                }
                double factor =
                    l2 ? sqrt(WIDTH) / fmax(sqrt(sum), 1e-12) : 1 / sqrt(sum / WIDTH + 1e-5);
                for (size_t c = 0; c < WIDTH; c++) {
                    expected[r * WIDTH + c] = (float)((double)row[c] * factor * (double)w[c]);
                }
            }
            if (l2) {
                kernels->l2_norm(ROWS, WIDTH, x, WIDTH, w, actual);
            } else { /* backwards, in the order of the backward mixer */
                kernels->rms_norm(ROWS, WIDTH, x + (ROWS - 1) * WIDTH, -WIDTH, w, actual);
            }
            assert_close(actual, expected, ROWS * WIDTH);
        }
    }
    free(x);
    free(w);
}

static void test_convolution(void **unused)
{
    (void)unused;
    for (size_t taps = 1; taps <= 5; taps++) {
        float *in = noise((ROWS + taps - 1) * WIDTH, -3, 3), *w = noise(taps * WIDTH, -1, 1);
        float *bias = noise(WIDTH, -1, 1), expected[ROWS * WIDTH], actual[ROWS * WIDTH];
        for (size_t r = 0; r < ROWS; r++) {
            for (size_t c = 0; c < WIDTH; c++) {
                double sum = (double)bias[c];
                for (size_t k = 0; k < taps; k++) {
                    sum += (double)w[k * WIDTH + c] * (double)in[(r + k) * WIDTH + c];
                }
                expected[r * WIDTH + c] = (float)(sum * sigmoid(sum));
            }
        }
        for (size_t i = 0; bsm_kernels_at(i); i++) {
            bsm_kernels_at(i)->conv_silu(ROWS, WIDTH, taps, in, WIDTH, w, bias, actual, WIDTH);
            assert_close(actual, expected, ROWS * WIDTH);
        }
        free(in);
        free(w);
        free(bias);
    }
}

static void test_gate_and_tanh(void **unused)
{
    (void)unused;
    float *y = noise(WIDTH, -2, 2), *z = noise(WIDTH, -8, 8), *w = noise(WIDTH, 0.5f, 1.5f);
    float gated[WIDTH], tanhs[WIDTH], actual[WIDTH];
    double sum = 0;
    for (size_t c = 0; c < WIDTH; c++) {
        gated[c] = (float)((double)y[c] * (double)z[c] * sigmoid((double)z[c]));
        sum += (double)gated[c] * (double)gated[c];
        tanhs[c] = (float)tanh((double)(z[c] + w[c]));
    }
    for (size_t c = 0; c < WIDTH; c++) {
        gated[c] = (float)((double)gated[c] / sqrt(sum / WIDTH + 1e-5) * (double)w[c]);
    }
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        memcpy(actual, y, sizeof actual);
        bsm_kernels_at(i)->gate_norm(1, WIDTH, actual, z, WIDTH, w);
        assert_close(actual, gated, WIDTH);
        memcpy(actual, z, sizeof actual);
        bsm_kernels_at(i)->tanh_bias(1, WIDTH, actual, w);
        assert_close(actual, tanhs, WIDTH);
    }
    free(y);
    free(z);
    free(w);
}

static void test_mask(void **unused)
{
    (void)unused;
    enum { FEATURES = 12, LD = 20 };
    float *values = noise(2 * FEATURES, -2, 2), *bias = noise(2 * FEATURES, -1, 1);
    float *mixture = noise(LD, -1, 1), expected[FEATURES], actual[LD];
    for (size_t i = 0; i < FEATURES; i += 2) {
        double m[2];
        for (size_t part = 0; part < 2; part++) {
            size_t a = i + part, b = FEATURES + a;
            m[part] = (double)(values[a] + bias[a]) * sigmoid((double)(values[b] + bias[b]));
        }
        double re = (double)mixture[i], im = (double)mixture[i + 1];
        expected[i] = (float)(re * m[0] - im * m[1]);
        expected[i + 1] = (float)(re * m[1] + im * m[0]);
    }
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        bsm_kernels_at(i)->apply_mask(1, FEATURES, values, bias, mixture, actual, LD);
        assert_close(actual, expected, FEATURES);
    }
    free(values);
    free(bias);
    free(mixture);
}

/* ---- Extremes ---- */

static void test_extremes_stay_finite(void **unused)
{
    (void)unused;
    const float inputs[8] = {-1e30f, -1000, -88, -1e-30f, 0, 88, 1000, 1e30f};
    const float zeros[8] = {0};
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        float x[8];
        memcpy(x, inputs, sizeof x);
        bsm_kernels_at(i)->tanh_bias(1, 8, x, zeros);
        for (size_t k = 0; k < 8; k++) {
            assert_true(fabs((double)x[k] - tanh((double)inputs[k])) < 1e-6);
        }
    }
}

static void test_what_is_not_a_number_stays(void **unused)
{
    (void)unused;
    const uint32_t odd[4] = {0x7fc00000, 0x7fc00001, 0xffc12345, 0x7f800000}; /* NaNs, infinity */
    float mixture[8], values[16] = {0}, bias[16] = {0}, masked[8];
    for (size_t i = 0; i < 8; i++) {
        mixture[i] = 1;
    }
    memcpy(bias + 8, odd, sizeof odd);
    memcpy(bias + 12, odd, sizeof odd);
    memcpy(values, odd, sizeof odd);
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        bsm_kernels_at(i)->apply_mask(1, 8, values, bias, mixture, masked, 8);
        assert_true(isnan(masked[0]) && isnan(masked[1]) && isnan(masked[4]) && isnan(masked[5]));
        float x[4];
        const float zeros[4] = {0};
        memcpy(x, odd, sizeof x);
        bsm_kernels_at(i)->tanh_bias(1, 4, x, zeros);
        assert_true(isnan(x[0]) && isnan(x[1]) && isnan(x[2]) && x[3] == 1);
    }
}

/* A step may forget everything: the earlier state then becomes zero, not NaN or negative. */
static void test_decays_of_a_fast_head(void **unused)
{
    (void)unused;
    float raw[BSM_CHUNK], dt[BSM_CHUNK], in[BSM_CHUNK], out[BSM_CHUNK], all;
    double cum[BSM_CHUNK];
    const float bias = 0, A = -16;
    for (size_t r = 0; r < BSM_CHUNK; r++) {
        raw[r] = r % 2 ? 50.0f : -20.0f;
    }
    bsm_decay decay = {.dt = dt, .cum = cum, .in = in, .out = out, .all = &all};
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        bsm_kernels_at(i)->decays(BSM_CHUNK, 1, raw, 1, &bias, &A, &decay);
        double sum = 0;
        for (size_t r = 0; r < BSM_CHUNK; r++) {
            double step = (double)raw[r] > 20 ? (double)raw[r] : log1p(exp((double)raw[r]));
            sum += (double)dt[r] * (double)A;
            assert_true(fabs((double)dt[r] - step) <= 1e-6 * step);
            assert_true(fabs(cum[r] - sum) <= 1e-9 * fabs(sum));
            assert_true(in[r] >= 0 && fabs((double)in[r] - exp(sum)) < 1e-6);
            assert_true(isfinite(out[r]) && out[r] >= 0);
        }
        assert_true((double)all < 1e-30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_outer_products),
        cmocka_unit_test(test_triangles),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_gate_and_tanh),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_extremes_stay_finite),
        cmocka_unit_test(test_what_is_not_a_number_stays),
        cmocka_unit_test(test_decays_of_a_fast_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
