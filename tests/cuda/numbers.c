/* SPDX-License-Identifier: ISC */
/* Buffers of numbers for the tests of kernels. */
#include "numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "kernels.h"
#include "noise.h"

enum { MOST_BUFFERS = 4096 };

static void *buffers[MOST_BUFFERS];
static size_t num_buffers;

static void *allocate(size_t bytes)
{
    assert_true(num_buffers < MOST_BUFFERS);
    void *buffer = calloc(1, bytes + !bytes);
    assert_non_null(buffer);
    buffers[num_buffers++] = buffer;
    return buffer;
}

int free_numbers(void **state)
{
    (void)state;
    while (num_buffers > 0) {
        free(buffers[--num_buffers]);
    }
    return 0;
}

float *zeros(size_t count)
{
    return allocate(count * sizeof(float));
}

double *double_zeros(size_t count)
{
    return allocate(count * sizeof(double));
}

float *noise(size_t count, float low, float high)
{
    static uint64_t seed = 1;
    float *numbers = zeros(count);
    noise_fill(&seed, numbers, count);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = low + (high - low) * (numbers[i] + 1) / 2;
    }
    return numbers;
}

float *coarse_noise(size_t count, float low, float high)
{
    float *numbers = noise(count, low, high);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = roundf(numbers[i] * 0x1p6F) * 0x1p-6F;
    }
    return numbers;
}

float *copy(const float *numbers, size_t count)
{
    float *result = zeros(count);
    memcpy(result, numbers, count * sizeof *result);
    return result;
}

/* ---- Values ---- */

void *new_values(bool bf16, size_t count)
{
    const size_t bytes = count * (bf16 ? sizeof(uint16_t) : sizeof(float));
    void *values = allocate(bytes);
    memset(values, 0xff, bytes);
    return values;
}

float value_at(bool bf16, const void *values, size_t index)
{
    float value;
    if (bf16) {
        uint32_t bits = (uint32_t)((const uint16_t *)values)[index] << 16;
        memcpy(&value, &bits, sizeof value);
    } else {
        value = ((const float *)values)[index];
    }
    return value;
}

void *to_values(bool bf16, const float *numbers, size_t count)
{
    void *values = new_values(bf16, count);
    if (bf16) {
        bsm_kernel_to_bf16(NULL, count, numbers, values);
    } else {
        memcpy(values, numbers, count * sizeof *numbers);
    }
    return values;
}

float *columns_of(bool bf16, const void *values, size_t rows, size_t all, size_t first,
                  size_t columns)
{
    float *result = zeros(rows * columns);
    for (size_t i = 0; i < rows * columns; i++) {
        result[i] = value_at(bf16, values, i / columns * all + first + i % columns);
    }
    return result;
}

/* ---- Products ---- */

matrix transposed(matrix a)
{
    return (matrix){a.bf16, a.numbers, a.first, a.column, a.row};
}

matrix matrix_of(bool bf16, const void *numbers, size_t c, size_t rows, size_t columns)
{
    return (matrix){bf16, numbers, c * rows * columns, columns, 1};
}

void product(size_t m, size_t n, size_t k, matrix a, matrix b, float *c, size_t ldc, bool add)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = add ? (double)c[i * ldc + j] : 0;
            for (size_t l = 0; l < k; l++) {
                sum += (double)value_at(a.bf16, a.numbers, a.first + i * a.row + l * a.column) *
                       (double)value_at(b.bf16, b.numbers, b.first + l * b.row + j * b.column);
            }
            c[i * ldc + j] = (float)sum;
        }
    }
}

/* ---- Comparing ---- */

void assert_values(bool bf16, const void *values, const float *expected, size_t count)
{
    float *actual = zeros(count);
    for (size_t i = 0; i < count; i++) {
        actual[i] = value_at(bf16, values, i);
    }
    double off = golden_relative_error(actual, expected, count);
    if (!(off < (bf16 ? 4e-3 : 1e-6))) {
        fail_msg("off by %g", off);
    }
}

void assert_numbers(const float *actual, const float *expected, size_t count)
{
    assert_values(false, actual, expected, count);
}

void assert_sum(double actual, double expected)
{
    if (!(fabs(actual - expected) <= 1e-12 * fabs(expected))) {
        fail_msg("%.17g instead of %.17g", actual, expected);
    }
}
