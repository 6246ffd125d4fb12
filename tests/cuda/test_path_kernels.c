/* SPDX-License-Identifier: ISC */
/* Tests the training kernels of a path other than the scan, run on the host: residual and dropout
 * against plain loops, norms and the gate against finite differences in double; with rows that do
 * not fill a piece and rows that are not adjacent. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "device/dropout.h"
#include "numbers.h"
#include "training/training_kernels.h"

static size_t count_of(const bsm_rows *rows)
{
    return (size_t)rows->batches * rows->per;
}

static size_t row_of(const bsm_rows *rows, size_t r)
{
    return rows->first + r / rows->per * rows->stride + r % rows->per;
}

static size_t pieces_of(size_t rows)
{
    return (rows + BSM_PIECE_ROWS - 1) / BSM_PIECE_ROWS;
}

/* ---- Residual ---- */

static void test_add_bias(void **unused)
{
    (void)unused;
    enum { ROWS = 17, DIM = 31 };
    float *x = noise(ROWS * DIM, -1, 1), *bias = noise(DIM, -1, 1);
    float *out = new_values(false, ROWS * DIM), *expected = zeros(ROWS * DIM);
    for (size_t i = 0; i < ROWS * DIM; i++) {
        expected[i] = x[i] + bias[i % DIM];
    }
    const bsm_add_bias add = {ROWS, DIM, x, bias, out};
    bsm_kernel_add_bias((bsm_kernel_queue){0}, &add);
    assert_memory_equal(out, expected, ROWS * DIM * sizeof *out);
}

/* x is [band][frame][dim]. Dropout counts numbers along the sequences, which are those of a band or
 * of a frame. */
static double dropout_at(const bsm_gpu_dropout *d, size_t row, size_t dim, size_t i)
{
    const size_t band = row / d->frames, frame = row % d->frames;
    const size_t step = d->along_bands ? frame * d->bands + band : band * d->frames + frame;
    return d->p > 0 ? (double)bsm_dropout_factor(d->key, step * dim + i, d->p) : 1;
}

static void check_residual(bool bf16, const bsm_rows *rows, const bsm_gpu_dropout *dropout,
                           size_t dim, size_t direction)
{
    const size_t count = count_of(rows), all = (size_t)dropout->frames * dropout->bands;
    float *x = noise(all * dim, -1, 1), *mixed = noise(count * dim, -1, 1);
    float *d_pair = noise(all * 2 * dim, -1, 1), *d_x = noise(all * dim, -1, 1);
    float *pair = zeros(all * 2 * dim), *sums = copy(d_x, all * dim), *d_mixed = zeros(count * dim);
    void *actual_pair = to_values(bf16, pair, all * 2 * dim);
    void *actual_d_mixed = new_values(bf16, count * dim);
    for (size_t k = 0; k < count * dim; k++) {
        const size_t row = row_of(rows, k / dim), i = k % dim;
        const size_t at = (2 * row + direction) * dim + i;
        const double factor = dropout_at(dropout, row, dim, i);
        pair[at] = (float)((double)x[row * dim + i] + factor * (double)mixed[k]);
        sums[row * dim + i] += d_pair[at];
        d_mixed[k] = (float)(factor * (double)d_pair[at]);
    }
    const bsm_kernel_queue queue = {NULL, bf16};
    const bsm_residual forward = {*rows, *dropout, (uint32_t)dim, (uint32_t)direction,
                                  x,     mixed,    actual_pair};
    bsm_kernel_residual(queue, &forward);
    assert_values(bf16, actual_pair, pair, all * 2 * dim);
    const bsm_residual_backward backward = {*rows,  *dropout, (uint32_t)dim, (uint32_t)direction,
                                            d_pair, d_x,      actual_d_mixed};
    bsm_kernel_residual_backward(queue, &backward);
    assert_numbers(d_x, sums, all * dim);
    assert_values(bf16, actual_d_mixed, d_mixed, count * dim);
}

static void test_residual(void **unused)
{
    (void)unused;
    enum { FRAMES = 7, BANDS = 5, DIM = 13 };
    const bsm_rows rows[] = {{0, FRAMES, FRAMES, BANDS}, {2, 3, FRAMES, BANDS}};
    for (size_t i = 0; i < 16; i++) {
        const bsm_gpu_dropout dropout = {.key = 7 + i,
                                         .p = i & 1 ? 0.3 : 0,
                                         .frames = FRAMES,
                                         .bands = BANDS,
                                         .along_bands = i & 2};
        check_residual(i & 4, &rows[i / 8], &dropout, DIM, i / 2 % 2);
    }
}

/* ---- Norms ---- */

/* Return the sum of d_u times the norm of x. */
static double norm_value(bool l2, size_t dim, const double *x, const float *weight,
                         const float *d_u)
{
    double square = 0, along = 0;
    for (size_t i = 0; i < dim; i++) {
        square += x[i] * x[i];
        along += x[i] * (double)weight[i] * (double)d_u[i];
    }
    return along * (l2 ? sqrt((double)dim / square) : 1 / sqrt(square / (double)dim + 1e-5));
}

/* Add one row's gradients. The gradient by the weight is what the row would yield with a weight of
 * 1. */
static void expect_norm(bool l2, size_t dim, const float *row, const float *weight,
                        const float *d_u, float *d_x, double *d_weight)
{
    const double step = 1e-5;
    double *x = double_zeros(dim);
    float *one = zeros(dim);
    for (size_t i = 0; i < dim; i++) {
        x[i] = (double)row[i];
    }
    for (size_t i = 0; i < dim; i++) {
        one[i] = 1;
        d_weight[i] += norm_value(l2, dim, x, one, d_u);
        one[i] = 0;
        x[i] = (double)row[i] + step;
        const double above = norm_value(l2, dim, x, weight, d_u);
        x[i] = (double)row[i] - step;
        const double below = norm_value(l2, dim, x, weight, d_u);
        x[i] = (double)row[i];
        d_x[i] += (float)((above - below) / (2 * step));
    }
}

static void check_norm_backward(bool l2, const bsm_rows *rows, size_t dim)
{
    const size_t count = count_of(rows), all = row_of(rows, count - 1) + 1;
    const size_t partials = pieces_of(count) * dim;
    float *x = noise(all * dim, -2, 2), *weight = noise(dim, 0.5F, 1.5F);
    float *d_u = noise(count * dim, -1, 1), *d_x = noise(all * dim, -1, 1);
    float *partial = new_values(false, partials), *scalars = new_values(false, 2 * count);
    float *expected = copy(d_x, all * dim), *d_weight = zeros(partials);
    double *sums = double_zeros(partials);
    for (size_t r = 0; r < count; r++) {
        const size_t at = row_of(rows, r) * dim;
        expect_norm(l2, dim, x + at, weight, d_u + r * dim, expected + at,
                    sums + r / BSM_PIECE_ROWS * dim);
    }
    for (size_t i = 0; i < partials; i++) {
        d_weight[i] = (float)sums[i];
    }
    const bsm_norm_backward norm = {*rows, (uint32_t)dim, l2,      x,      weight,
                                    d_u,   d_x,           scalars, partial};
    bsm_kernel_norm_backward((bsm_kernel_queue){0}, &norm);
    assert_numbers(d_x, expected, all * dim);
    assert_numbers(partial, d_weight, partials);
}

static void test_norm_backward(void **unused)
{
    (void)unused;
    const bsm_rows rows[] = {{0, 1, 1, 1}, {2, 3, 7, 5}, {0, 65, 65, 1}, {1, 30, 37, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t dim = 2; dim < 100; dim = 3 * dim + 1) {
            check_norm_backward(false, &rows[i], dim);
            check_norm_backward(true, &rows[i], dim);
            free_numbers(NULL);
        }
    }
}

/* For silence the length counts as a constant, and nothing divides by zero. */
static void test_norm_backward_of_silence(void **unused)
{
    (void)unused;
    enum { DIM = 5 };
    float x[DIM] = {0}, weight[DIM] = {1, 2, 3, 4, 5}, d_u[DIM] = {1, 1, 1, 1, -1};
    float d_x[DIM] = {0}, scalars[2], partial[DIM], expected[DIM];
    for (size_t i = 0; i < DIM; i++) {
        expected[i] = (float)(sqrt(DIM) / 1e-12 * (double)weight[i] * (double)d_u[i]);
    }
    const bsm_norm_backward norm = {{0, 1, 1, 1}, DIM, true, x, weight, d_u, d_x, scalars, partial};
    bsm_kernel_norm_backward((bsm_kernel_queue){0}, &norm);
    assert_numbers(d_x, expected, DIM);
    for (size_t i = 0; i < DIM; i++) {
        assert_true(partial[i] == 0);
    }
}

/* ---- The gate ---- */

typedef struct gate_row {
    size_t inner;
    const float *weight;
    double *y, *z, *d;
} gate_row;

static double gate_at(const gate_row *row, size_t i)
{
    return row->y[i] * row->z[i] / (1 + exp(-row->z[i]));
}

/* Return the sum of d times the gate's output. */
static double gate_value(const gate_row *row)
{
    double square = 0, along = 0;
    for (size_t i = 0; i < row->inner; i++) {
        const double gated = gate_at(row, i);
        square += gated * gated;
        along += gated * (double)row->weight[i] * row->d[i];
    }
    return along / sqrt(square / (double)row->inner + 1e-5);
}

static double gate_slope(const gate_row *row, double *by)
{
    const double step = 1e-5, at = *by;
    *by = at + step;
    const double above = gate_value(row);
    *by = at - step;
    const double below = gate_value(row);
    *by = at;
    return (above - below) / (2 * step);
}

/* The gradients that are expected of all rows: [row][inner] each, except the last. */
typedef struct gate_gradients {
    float *d_y, *d_z, *gated, *d_weight;
} gate_gradients;

static void expect_gate_row(bool bf16, const bsm_gate_backward *g, size_t r,
                            const gate_gradients *e)
{
    const size_t inner = bsm_shape_inner(g->shape), first = r * inner;
    const gate_row row = {inner, g->weight, double_zeros(inner), double_zeros(inner),
                          double_zeros(inner)};
    double square = 0;
    for (size_t i = 0; i < inner; i++) {
        row.y[i] = (double)value_at(bf16, g->y, first + i);
        row.z[i] = (double)value_at(bf16, g->zxBC, r * bsm_shape_zxBC(g->shape) + i);
        row.d[i] = (double)value_at(bf16, g->gradient, first + i);
        square += gate_at(&row, i) * gate_at(&row, i);
    }
    const double factor = 1 / sqrt(square / (double)inner + 1e-5);
    for (size_t i = 0; i < inner; i++) {
        const double normal = gate_at(&row, i) * factor;
        e->d_y[first + i] = (float)gate_slope(&row, &row.y[i]);
        e->d_z[first + i] = (float)gate_slope(&row, &row.z[i]);
        e->gated[first + i] = (float)(normal * (double)row.weight[i]);
        e->d_weight[r / BSM_PIECE_ROWS * inner + i] += (float)(normal * row.d[i]);
    }
}

/* Check the columns of z, and that nothing else was written. */
static void assert_columns(bool bf16, const bsm_gate_backward *g, const float *d_z)
{
    const size_t inner = bsm_shape_inner(g->shape), projected = bsm_shape_projected(g->shape);
    float *columns = zeros(g->rows * inner);
    for (size_t k = 0; k < g->rows * projected; k++) {
        const float value = value_at(bf16, g->d_zxbcdt, k);
        assert_true(k % projected < inner || isnan(value));
        if (k % projected < inner) {
            columns[k / projected * inner + k % projected] = value;
        }
    }
    assert_values(bf16, to_values(bf16, columns, g->rows * inner), d_z, g->rows * inner);
}

static void check_gate_backward(bool bf16, size_t rows, bsm_mixer_shape shape)
{
    const size_t inner = bsm_shape_inner(shape), given = rows * bsm_shape_zxBC(shape);
    const size_t count = rows * inner, partials = pieces_of(rows) * inner;
    const size_t all = rows * bsm_shape_projected(shape);
    const bsm_gate_backward g = {.shape = shape,
                                 .rows = (uint32_t)rows,
                                 .y = to_values(bf16, noise(count, -2, 2), count),
                                 .zxBC = to_values(bf16, noise(given, -3, 3), given),
                                 .weight = noise(inner, 0.5F, 1.5F),
                                 .gradient = to_values(bf16, noise(count, -1, 1), count),
                                 .gated = new_values(bf16, count),
                                 .d_zxbcdt = new_values(bf16, all),
                                 .scalars = new_values(false, 2 * rows),
                                 .partial = new_values(false, partials)};
    const gate_gradients e = {zeros(count), zeros(count), zeros(count), zeros(partials)};
    for (size_t r = 0; r < rows; r++) {
        expect_gate_row(bf16, &g, r, &e);
    }
    bsm_kernel_gate_backward((bsm_kernel_queue){NULL, bf16}, &g);
    assert_values(bf16, g.gradient, e.d_y, count);
    assert_values(bf16, g.gated, e.gated, count);
    assert_numbers(g.partial, e.d_weight, partials);
    assert_columns(bf16, &g, e.d_z);
}

static void test_gate_backward(void **unused)
{
    (void)unused;
    const bsm_mixer_shape shapes[] = {{3, 5, 2, 4}, {9, 1, 1, 1}, {2, 33, 3, 2}, {4, 35, 2, 4}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int bf16 = 0; bf16 < 2; bf16++) {
            check_gate_backward(bf16, 1, shapes[i]);
            check_gate_backward(bf16, 70, shapes[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_add_bias, free_numbers),
        cmocka_unit_test_teardown(test_residual, free_numbers),
        cmocka_unit_test_teardown(test_norm_backward, free_numbers),
        cmocka_unit_test_teardown(test_norm_backward_of_silence, free_numbers),
        cmocka_unit_test_teardown(test_gate_backward, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
