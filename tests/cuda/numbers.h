/* SPDX-License-Identifier: ISC */
/** Buffers of numbers for the tests of kernels. Each ends where its memory ends, so that
 *  AddressSanitizer sees an access beyond it. All of them live until free_numbers, cmocka's
 *  teardown. If there is no memory, the test fails. */
#ifndef BSM_TESTS_CUDA_NUMBERS_H
#define BSM_TESTS_CUDA_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>

float *noise(size_t count, float low, float high);
float *zeros(size_t count);
float *copy(const float *numbers, size_t count);
double *double_zeros(size_t count);

/** Return random multiples of 2^-6, which bfloat16 represents exactly between -4 and 4. */
float *coarse_noise(size_t count, float low, float high);

/** Return a new array of values (see cuda/kernels.h), all NaN; float32 values may be used as
 *  floats. */
void *new_values(bool bf16, size_t count);
float value_at(bool bf16, const void *values, size_t index);

/** Return a copy of `numbers` as values. */
void *to_values(bool bf16, const float *numbers, size_t count);

/** Return `columns` columns, from `first` on, of rows that have `all` values each. */
float *columns_of(bool bf16, const void *values, size_t rows, size_t all, size_t first,
                  size_t columns);

/** A matrix of values or of float32 numbers. */
typedef struct matrix {
    bool bf16;
    const void *numbers;
    size_t first, row, column; /* index of the first number; strides of rows and columns */
} matrix;

matrix transposed(matrix a);

/** Return matrix `c` of matrices that are stored one after the other. */
matrix matrix_of(bool bf16, const void *numbers, size_t c, size_t rows, size_t columns);

/** Compute c = a b, or c += a b; c has rows of ldc numbers. */
void product(size_t m, size_t n, size_t k, matrix a, matrix b, float *c, size_t ldc, bool add);

/** Compare with a tolerance, relative to all of `expected` together: 1e-6, or the rounding error of
 *  bfloat16. */
void assert_numbers(const float *actual, const float *expected, size_t count);
void assert_values(bool bf16, const void *values, const float *expected, size_t count);

/** Compare a sum in double with a tolerance of 1e-12. */
void assert_sum(double actual, double expected);

int free_numbers(void **state);

#endif
