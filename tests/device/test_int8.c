/* SPDX-License-Identifier: ISC */
/* Products of 8-bit integers, and matrices in int8, against arithmetic that does not round. meson
 * runs this with all that the processor has, and with instruction sets that add in 16 bits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/matrix.h"
#include "device/cpu/product.h"
#include "noise.h"

static uint64_t seed = 1;

static void *new_memory(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(memory);
    return memory;
}

static float *new_noise(size_t count)
{
    float *values = new_memory(count * sizeof *values);
    noise_fill(&seed, values, count);
    return values;
}

/* ---- Kernels ---- */

static int32_t exact_sum(const bsm_int8_product *p, size_t i, size_t j)
{
    int32_t sum = 0;
    for (size_t k = 0; k < p->k; k++) {
        sum += p->a[i * p->k + k] * p->b[j * p->k + k];
    }
    return sum;
}

/* As large as they may be, most of them with one sign: what overflows 16 bits. */
static void fill_with_extremes(uint8_t *a, size_t count_a, int8_t *b, size_t count_b, int limit)
{
    for (size_t i = 0; i < count_a; i++) {
        a[i] = (uint8_t)(noise_size(&seed, 0, 3) ? 255 : noise_size(&seed, 1, 255));
    }
    for (size_t i = 0; i < count_b; i++) {
        int value = noise_size(&seed, 0, 3) ? limit : (int)noise_size(&seed, 0, (size_t)limit);
        b[i] = (int8_t)(noise_size(&seed, 0, 3) ? value : -value);
    }
}

/* By `kernels`, or where that is NULL by the library. */
static void check_product(const bsm_kernels *kernels, size_t m, size_t n, size_t k)
{
    const int32_t untouched = 77;
    bsm_int8_product p = {.m = m, .n = n, .k = k, .ldc = n + 3};
    uint8_t *a = new_memory(m * k);
    int8_t *b = new_memory(n * k);
    int32_t *c = new_memory(m * p.ldc * sizeof *c);
    fill_with_extremes(a, m * k, b, n * k, kernels ? BSM_INT8_MAX : bsm_cpu_int8_limit());
    for (size_t i = 0; i < m * p.ldc; i++) {
        c[i] = untouched;
    }
    p.a = a;
    p.b = b;
    p.c = c;
    if (kernels) {
        kernels->int8->product(&p);
    } else {
        bsm_cpu_product_int8(bsm_kernels_get(), &p);
    }
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < p.ldc; j++) {
            assert_int_equal(c[i * p.ldc + j], j < n ? exact_sum(&p, i, j) : untouched);
        }
    }
    free(a);
    free(b);
    free(c);
}

static void test_products_are_exact(void **unused)
{
    (void)unused;
    static const size_t shapes[][3] = {{1, 1, 1},    {5, 31, 33},   {64, 64, 64},
                                       {7, 33, 257}, {62, 17, 100}, {3, 5, 1024}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (size_t i = 0; bsm_kernels_at(i); i++) {
            check_product(bsm_kernels_at(i), shapes[s][0], shapes[s][1], shapes[s][2]);
        }
        check_product(NULL, shapes[s][0], shapes[s][1], shapes[s][2]);
    }
}

enum { ROWS = 5, WIDTH = 37, GAP = 3 };

static void check_row(const float *x, const uint8_t *q, float scale)
{
    float most = 0;
    for (size_t i = 0; i < WIDTH; i++) {
        most = fmaxf(most, fabsf(x[i]));
    }
    assert_float_equal(scale, most / 127, 1e-6f * most);
    for (size_t i = 0; i < WIDTH; i++) {
        assert_true(q[i] >= 1);
        assert_float_equal((float)(q[i] - BSM_INT8_ZERO) * scale, x[i], 0.501f * scale);
    }
}

static void test_rows_are_rounded(void **unused)
{
    (void)unused;
    float *x = new_noise(ROWS * (WIDTH + GAP));
    memset(x + WIDTH + GAP, 0, WIDTH * sizeof *x); /* a row of silence */
    x[5] = -2;                                     /* the most, of either sign */
    x[2 * (WIDTH + GAP) + 6] = 1e4f;
    for (size_t kernels = 0; bsm_kernels_at(kernels); kernels++) {
        uint8_t q[ROWS * WIDTH];
        float scale[ROWS];
        bsm_kernels_at(kernels)->int8->quantise(ROWS, WIDTH, x, WIDTH + GAP, q, scale);
        for (size_t r = 0; r < ROWS; r++) {
            check_row(x + r * (WIDTH + GAP), q + r * WIDTH, scale[r]);
        }
    }
    free(x);
}

static void test_what_is_no_number_is_not_lost(void **unused)
{
    (void)unused;
    static const float values[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t kernels = 0; bsm_kernels_at(kernels); kernels++) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            float *x = new_noise(WIDTH), scale;
            uint8_t q[WIDTH];
            x[11] = values[i];
            bsm_kernels_at(kernels)->int8->quantise(1, WIDTH, x, WIDTH, q, &scale);
            assert_true(!isfinite(scale));
            free(x);
        }
    }
}

/* ---- Matrices ---- */

typedef struct matrix_case {
    size_t rows, in, out;
    bool by_columns; /* the source is [in][out] */
} matrix_case;

static double weight_at(const bsm_matrix_source *source, size_t i, size_t o)
{
    return (double)source->values[i * source->in_step + o * source->out_step];
}

/* How far y is from x W + beta y0, relative to it. */
static double error_of(const matrix_case *c, const bsm_matrix_source *source, const float *x,
                       const float *y0, float beta, const float *y)
{
    double wrong = 0, all = 0;
    for (size_t r = 0; r < c->rows; r++) {
        for (size_t o = 0; o < c->out; o++) {
            size_t at = r * (c->out + GAP) + o;
            double sum = 0;
            for (size_t i = 0; i < c->in; i++) {
                sum += (double)x[r * c->in + i] * weight_at(source, i, o);
            }
            double difference = (double)y[at] - (double)(beta * y0[at]) - sum;
            wrong += difference * difference;
            all += sum * sum;
        }
    }
    return sqrt(wrong / all);
}

static double run_case(const matrix_case *c, const bsm_kernels *kernels, bool int8, float beta)
{
    float *values = new_noise(c->in * c->out), *x = new_noise(c->rows * c->in);
    float *y0 = new_noise(c->rows * (c->out + GAP));
    float *y = new_memory(c->rows * (c->out + GAP) * sizeof *y);
    memcpy(y, y0, c->rows * (c->out + GAP) * sizeof *y);
    bsm_matrix_source source = {.values = values,
                                .in = c->in,
                                .out = c->out,
                                .in_step = c->by_columns ? c->out : 1,
                                .out_step = c->by_columns ? 1 : c->in};
    bsm_carver matrix_size = {0}, space_size = {0};
    bsm_cpu_matrix_pack(&matrix_size, &source, int8);
    bsm_int8_space_carve(&space_size, c->in);
    bsm_carver matrix_memory = {.block = new_memory(matrix_size.used)};
    bsm_carver space_memory = {.block = new_memory(space_size.used)};
    bsm_cpu_matrix matrix = bsm_cpu_matrix_pack(&matrix_memory, &source, int8);
    bsm_int8_space space = bsm_int8_space_carve(&space_memory, c->in);
    assert_int_equal(matrix.quantised != NULL, int8 && c->in >= BSM_INT8_MIN_INPUTS);
    bsm_cpu_multiply(kernels, &space, c->rows, x, &matrix, beta, y, c->out + GAP);
    for (size_t r = 0; r < c->rows; r++) { /* what lies between rows stays */
        size_t gap = r * (c->out + GAP) + c->out;
        assert_memory_equal(y + gap, y0 + gap, GAP * sizeof *y);
    }
    double error = error_of(c, &source, x, y0, beta, y);
    free(matrix_memory.block);
    free(space_memory.block);
    free(values);
    free(x);
    free(y0);
    free(y);
    return error;
}

static void test_matrices(void **unused)
{
    (void)unused;
    static const matrix_case cases[] = {
        {.rows = 1, .in = 32, .out = 9},    {.rows = 13, .in = 37, .out = 300},
        {.rows = 64, .in = 100, .out = 64}, {.rows = 62, .in = 45, .out = 45, .by_columns = true},
        {.rows = 7, .in = 257, .out = 513}, {.rows = 9, .in = 31, .out = 40},
    };
    /* Noise of 1 at most is 0.4 % off in steps of 1/127, 0.8 % in steps of 1/64; rows are rounded,
     * too, and the bound is about twice what comes of both. */
    const double bound = bsm_cpu_int8_limit() == BSM_INT8_MAX ? 0.012 : 0.02;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t kernels = 0; bsm_kernels_at(kernels); kernels++) {
            for (int beta = 0; beta < 2; beta++) {
                const bsm_kernels *set = bsm_kernels_at(kernels);
                assert_true(run_case(&cases[i], set, false, (float)beta) < 1e-5);
                double error = run_case(&cases[i], set, true, (float)beta);
                if (!(error < bound)) {
                    fail_msg("%zu to %zu: off by %g", cases[i].in, cases[i].out, error);
                }
                assert_int_equal(error > 1e-4, cases[i].in >= BSM_INT8_MIN_INPUTS);
            }
        }
    }
}

static void test_weights_that_are_no_numbers(void **unused)
{
    (void)unused;
    enum { IN = 40, OUT = 3 };
    float *values = new_noise(IN * OUT), *x = new_noise(IN), y[OUT];
    values[IN + 7] = NAN; /* of the second output */
    memset(values + 2 * IN, 0, IN * sizeof *values);
    bsm_matrix_source source = {
        .values = values, .in = IN, .out = OUT, .in_step = 1, .out_step = IN};
    bsm_carver sizing = {0};
    bsm_cpu_matrix_pack(&sizing, &source, true);
    bsm_int8_space_carve(&sizing, IN);
    bsm_carver memory = {.block = new_memory(sizing.used)};
    bsm_cpu_matrix matrix = bsm_cpu_matrix_pack(&memory, &source, true);
    bsm_int8_space space = bsm_int8_space_carve(&memory, IN);
    bsm_cpu_multiply(bsm_kernels_get(), &space, 1, x, &matrix, 0, y, OUT);
    assert_true(isfinite(y[0]));
    assert_true(isnan(y[1]));
    assert_true(y[2] == 0);
    free(memory.block);
    free(values);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_are_exact),
        cmocka_unit_test(test_rows_are_rounded),
        cmocka_unit_test(test_what_is_no_number_is_not_lost),
        cmocka_unit_test(test_matrices),
        cmocka_unit_test(test_weights_that_are_no_numbers),
    };
    bsm_thread_mode mode = bsm_cpu_enter_thread();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    bsm_cpu_leave_thread(mode);
    return failures;
}
