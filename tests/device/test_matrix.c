/* SPDX-License-Identifier: ISC */
/* Tests matrices in float32, bfloat16 and int8, and the rounding of their rows, against exact
 * arithmetic. meson runs this with everything that the processor has, and with less. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/bf16.h"
#include "device/cpu/kernels.h"
#include "device/cpu/matrix.h"
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

/* ---- Rows ---- */

enum { ROWS = 5, WIDTH = 37, FILLED = 64, GAP = 3 }; /* FILLED: whole tiles of either type */

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

/* Return rows that include a row of silence, a negative maximum, and a row that is much louder. */
static float *new_rows(void)
{
    float *x = new_noise(ROWS * (WIDTH + GAP));
    memset(x + WIDTH + GAP, 0, WIDTH * sizeof *x);
    x[5] = -2;
    x[2 * (WIDTH + GAP) + 6] = 1e4f;
    return x;
}

static void test_rows_in_int8(void **unused)
{
    (void)unused;
    float *x = new_rows();
    for (size_t kernels = 0; bsm_kernels_at(kernels); kernels++) {
        uint8_t q[ROWS][FILLED + GAP];
        float scale[ROWS];
        memset(q, 77, sizeof q);
        bsm_kernels_at(kernels)->rows->to_int8(ROWS, WIDTH, x, WIDTH + GAP, q[0], sizeof *q, scale);
        for (size_t r = 0; r < ROWS; r++) {
            check_row(x + r * (WIDTH + GAP), q[r], scale[r]);
            for (size_t i = WIDTH; i < FILLED; i++) {
                assert_int_equal(q[r][i], 0);
            }
            assert_int_equal(q[r][FILLED], 77);
        }
    }
    free(x);
}

static void test_rows_in_bf16(void **unused)
{
    (void)unused;
    float *x = new_rows();
    x[11] = NAN;
    for (size_t kernels = 0; bsm_kernels_at(kernels); kernels++) {
        uint16_t rounded[ROWS][FILLED + GAP];
        memset(rounded, 77, sizeof rounded);
        bsm_kernels_at(kernels)->rows->to_bf16(ROWS, WIDTH, x, WIDTH + GAP, rounded[0],
                                               FILLED + GAP);
        for (size_t r = 0; r < ROWS; r++) {
            for (size_t i = 0; i < FILLED; i++) {
                const uint16_t expected = i < WIDTH ? bf16_of(x[r * (WIDTH + GAP) + i]) : 0;
                assert_int_equal(rounded[r][i], expected);
            }
            assert_int_equal(rounded[r][FILLED], 77 * 257);
        }
        assert_true(isnan(bf16_value(rounded[0][11])));
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
            uint8_t q[FILLED];
            x[11] = values[i];
            bsm_kernels_at(kernels)->rows->to_int8(1, WIDTH, x, WIDTH, q, FILLED, &scale);
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

/* Return the error of y against x W + beta y0, relative to it. */
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

static double run_case(const matrix_case *c, const bsm_kernels *kernels, bsm_precision precision,
                       float beta)
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
    bsm_cpu_matrix_pack(&matrix_size, &source, precision);
    bsm_row_space_carve(&space_size, c->in);
    bsm_carver matrix_memory = {.block = new_memory(matrix_size.used)};
    bsm_carver space_memory = {.block = new_memory(space_size.used)};
    bsm_cpu_matrix matrix = bsm_cpu_matrix_pack(&matrix_memory, &source, precision);
    bsm_row_space space = bsm_row_space_carve(&space_memory, c->in);
    assert_int_equal(matrix.values == NULL,
                     precision != BSM_PRECISION_FLOAT32 && c->in >= BSM_PACKED_MIN_INPUTS);
    bsm_cpu_multiply(kernels, &space, c->rows, x, &matrix, beta, y, c->out + GAP);
    for (size_t r = 0; r < c->rows; r++) { /* what is between rows must not change */
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

static const matrix_case cases[] = {
    {.rows = 1, .in = 32, .out = 9},    {.rows = 13, .in = 37, .out = 300},
    {.rows = 64, .in = 100, .out = 64}, {.rows = 62, .in = 45, .out = 45, .by_columns = true},
    {.rows = 7, .in = 257, .out = 513}, {.rows = 9, .in = 31, .out = 40},
};

static void check_case(const matrix_case *c, bsm_precision precision, float least, float most)
{
    for (size_t kernels = 0; bsm_kernels_at(kernels); kernels++) {
        for (int beta = 0; beta < 2; beta++) {
            double error = run_case(c, bsm_kernels_at(kernels), precision, (float)beta);
            if (!(error >= (double)least && error < (double)most)) {
                fail_msg("%zu to %zu, %s: off by %g", c->in, c->out, bsm_precision_name(precision),
                         error);
            }
        }
    }
}

/* Check the error of all cases. If the matrix is packed, it must be at least `least`. */
static void check_cases(bsm_precision precision, float least, float most)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].in < BSM_PACKED_MIN_INPUTS) {
            check_case(&cases[i], precision, 0, 1e-5f);
        } else {
            check_case(&cases[i], precision, least, most);
        }
    }
}

static void test_float32(void **unused)
{
    (void)unused;
    check_cases(BSM_PRECISION_FLOAT32, 0, 1e-5f);
}

/* Both factors have errors of at most 2^-9, and of a third of that on average. */
static void test_bf16(void **unused)
{
    (void)unused;
    if (!bsm_packed_bf16()) {
        print_message("skipped: no products of bfloat16 that are worth it here\n");
        skip();
    }
    check_cases(BSM_PRECISION_BFLOAT16, 1e-4f, 0.004f);
}

/* Noise of at most 1 has an error of 0.4 % with steps of 1/127. Rows are rounded, too, and the
 * bound is about twice the resulting error. */
static void test_int8(void **unused)
{
    (void)unused;
    if (!bsm_packed_int8()) {
        print_message("skipped: no products of 8-bit integers here\n");
        skip();
    }
    check_cases(BSM_PRECISION_INT8, 1e-4f, 0.012f);
}

static void test_weights_that_are_no_numbers(void **unused)
{
    (void)unused;
    if (!bsm_packed_int8()) {
        print_message("skipped: no products of 8-bit integers here\n");
        skip();
    }
    enum { IN = 40, OUT = 3 };
    float *values = new_noise(IN * OUT), *x = new_noise(IN), y[OUT];
    values[IN + 7] = NAN; /* a weight of the second output */
    memset(values + 2 * IN, 0, IN * sizeof *values);
    bsm_matrix_source source = {
        .values = values, .in = IN, .out = OUT, .in_step = 1, .out_step = IN};
    bsm_carver sizing = {0};
    bsm_cpu_matrix_pack(&sizing, &source, BSM_PRECISION_INT8);
    bsm_row_space_carve(&sizing, IN);
    bsm_carver memory = {.block = new_memory(sizing.used)};
    bsm_cpu_matrix matrix = bsm_cpu_matrix_pack(&memory, &source, BSM_PRECISION_INT8);
    bsm_row_space space = bsm_row_space_carve(&memory, IN);
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
        cmocka_unit_test(test_rows_in_int8),
        cmocka_unit_test(test_rows_in_bf16),
        cmocka_unit_test(test_what_is_no_number_is_not_lost),
        cmocka_unit_test(test_float32),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_int8),
        cmocka_unit_test(test_weights_that_are_no_numbers),
    };
    bsm_thread_mode mode = bsm_cpu_enter_thread();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    bsm_cpu_leave_thread(mode);
    return failures;
}
