/* SPDX-License-Identifier: ISC */
/** Buffers of numbers for the tests of kernels, in memory that ends where they do (so that
 *  AddressSanitizer sees a step too far). All live until free_numbers, cmocka's teardown. Where
 *  there is no memory, the test fails. */
#ifndef BSM_TESTS_CUDA_NUMBERS_H
#define BSM_TESTS_CUDA_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>

float *noise(size_t count, float low, float high);
float *zeros(size_t count);
float *copy(const float *numbers, size_t count);
double *double_zeros(size_t count);

/** Multiples of 2^-6 between -4 and 4, which bfloat16 holds exactly. */
float *coarse_noise(size_t count, float low, float high);

/** Values (cuda/kernels.h), which start as NaN; float32 ones may be used as floats. */
void *new_values(bool bf16, size_t count);
float value_at(bool bf16, const void *values, size_t index);

/** `numbers` as values. */
void *to_values(bool bf16, const float *numbers, size_t count);

/** `columns` columns from `first` on of rows of `all` values. */
float *columns_of(bool bf16, const void *values, size_t rows, size_t all, size_t first,
                  size_t columns);

/** Values, or float32 numbers. */
typedef struct matrix {
    bool bf16;
    const void *numbers;
    size_t first, row, column; /* from row to row, from column to column */
} matrix;

matrix transposed(matrix a);

/** Number `c` of matrices that lie one after the other. */
matrix matrix_of(bool bf16, const void *numbers, size_t c, size_t rows, size_t columns);

/** c = a b, or c += a b; c has rows of ldc numbers. */
void product(size_t m, size_t n, size_t k, matrix a, matrix b, float *c, size_t ldc, bool add);

/** Relative to all of `expected` together: within 1e-6, or what bfloat16 may be off by. */
void assert_numbers(const float *actual, const float *expected, size_t count);
void assert_values(bool bf16, const void *values, const float *expected, size_t count);

/** A sum in double, within 1e-12. */
void assert_sum(double actual, double expected);

int free_numbers(void **state);

#endif
