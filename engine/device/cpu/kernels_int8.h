/* SPDX-License-Identifier: ISC */
/** Products of 8-bit integers, for networks in int8: what is multiplied, and the loops before and
 *  after it. Like kernels.c, compiled once per instruction set. */
#ifndef BSM_CPU_KERNELS_INT8_H
#define BSM_CPU_KERNELS_INT8_H

#include <stddef.h>
#include <stdint.h>

/** Rows are held as unsigned bytes, value / scale + BSM_INT8_ZERO: what processors multiply. */
enum { BSM_INT8_ZERO = 128, BSM_INT8_MAX = 127 };

/** C = A B^T, exactly: A is m x k, B n x k, both without gaps between rows, C m x n. */
typedef struct bsm_int8_product {
    size_t m, n, k;
    const uint8_t *a;
    const int8_t *b;
    int32_t *c;
    size_t ldc;
} bsm_int8_product;

/** Sums of products, and what turns them into values: (sum - offset[column]) * scale[row] *
 *  column_scale[column] */
typedef struct bsm_int8_sums {
    const int32_t *sums; /**< [rows][columns] */
    size_t ld;
    const float *row_scale;
    const int32_t *offset;
    const float *column_scale;
} bsm_int8_sums;

typedef struct bsm_int8_kernels {
    void (*product)(const bsm_int8_product *p);

    /** q[r] = round(x[r] / scale[r]) + BSM_INT8_ZERO with scale[r] = max |x[r]| / BSM_INT8_MAX;
     *  rows of x are ld apart. A scale that is not finite says that a value was not. */
    void (*quantise)(size_t rows, size_t n, const float *x, size_t ld, uint8_t *q, float *scale);

    /** y = values + beta y; rows of y are ld apart, beta is 0 or 1. */
    void (*scale_sums)(size_t rows, size_t n, const bsm_int8_sums *sums, float beta, float *y,
                       size_t ld);
} bsm_int8_kernels;

#endif
