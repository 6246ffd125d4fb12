/* SPDX-License-Identifier: ISC */
/* Tests training's kernels that add up rows and that gather vectors, run on the host, with sizes
 * that are no multiples of a warp or a block. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "numbers.h"
#include "training/training_kernels.h"

static const bsm_kernel_queue queue = {0};

static void check_add_pieces(size_t batches, size_t pieces, size_t columns)
{
    const size_t first = 2, ld = columns + 5, all = batches * pieces * ld;
    float *partial = noise(all, -1, 1), *out = noise(batches * columns, -1, 1);
    float *expected = zeros(batches * columns);
    for (size_t i = 0; i < batches * columns; i++) {
        double sum = (double)out[i];
        for (size_t p = 0; p < pieces; p++) {
            sum += (double)partial[(i / columns * pieces + p) * ld + first + i % columns];
        }
        expected[i] = (float)sum;
    }
    const bsm_add_pieces add = {.batches = (uint32_t)batches,
                                .pieces = (uint32_t)pieces,
                                .columns = (uint32_t)columns,
                                .ld = (uint32_t)ld,
                                .partial = partial + first,
                                .out = out};
    bsm_kernel_add_pieces(queue, &add);
    assert_numbers(out, expected, batches * columns);
}

static void test_add_pieces(void **unused)
{
    (void)unused;
    const size_t sizes[][3] = {{1, 1, 1}, {3, 7, 33}, {1, 130, 70}, {5, 8, 32}, {2, 9, 257}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_add_pieces(sizes[i][0], sizes[i][1], sizes[i][2]);
    }
}

static void check_sum_rows(size_t rows, size_t columns)
{
    const size_t pieces = (rows + BSM_PIECE_ROWS - 1) / BSM_PIECE_ROWS;
    float *in = noise(rows * columns, -1, 1), *partial = new_values(false, pieces * columns);
    double *sums = double_zeros(pieces * columns);
    float *expected = zeros(pieces * columns);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            sums[r / BSM_PIECE_ROWS * columns + c] += (double)in[r * columns + c];
        }
    }
    for (size_t i = 0; i < pieces * columns; i++) {
        expected[i] = (float)sums[i];
    }
    const bsm_sum_rows sum = {(uint32_t)rows, (uint32_t)columns, in, partial};
    bsm_kernel_sum_rows(queue, &sum);
    assert_numbers(partial, expected, pieces * columns);
}

static void test_sum_rows(void **unused)
{
    (void)unused;
    const size_t rows[] = {1, 63, 64, 65, 200}, columns[] = {1, 37, 300};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
            check_sum_rows(rows[r], columns[c]);
        }
    }
}

enum { VECTOR = 331, STEP = 7 }; /* they have no common divisor, so each index occurs once */

static void check_vectors(size_t count)
{
    uint32_t index[VECTOR];
    float *vector = noise(VECTOR, -2, 2), *packed = new_values(false, count);
    float *A = new_values(false, count), *rates = zeros(count), *sums = copy(vector, VECTOR);
    for (size_t i = 0; i < count; i++) {
        index[i] = (uint32_t)((3 + i * STEP) % VECTOR);
        rates[i] = (float)-exp((double)vector[index[i]]);
    }
    bsm_kernel_gather(queue, count, index, vector, packed);
    bsm_kernel_decay_rates(queue, count, index, vector, A);
    assert_numbers(A, rates, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(packed[i] == vector[index[i]]);
        packed[i] = (float)i + 0.5F;
        sums[index[i]] += packed[i];
    }
    bsm_kernel_scatter_add(queue, count, index, packed, vector);
    assert_memory_equal(vector, sums, VECTOR * sizeof *vector);
}

static void test_vectors(void **unused)
{
    (void)unused;
    check_vectors(1);
    check_vectors(256);
    check_vectors(VECTOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_add_pieces, free_numbers),
        cmocka_unit_test_teardown(test_sum_rows, free_numbers),
        cmocka_unit_test_teardown(test_vectors, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
