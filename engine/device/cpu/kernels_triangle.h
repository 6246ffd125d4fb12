/* SPDX-License-Identifier: ISC */
/** Products with a lower-triangular matrix, which is what the steps of a chunk are to each other:
 *  half as much arithmetic as with a whole one. Like kernels.c, compiled once per instruction set.
 *
 *  A triangle L has `rows` rows and columns, at most BSM_CHUNK, in memory of
 * [BSM_CHUNK][BSM_CHUNK]: what lies outside it may be read, but does not matter, or is overwritten
 * by of_products. */
#ifndef BSM_CPU_KERNELS_TRIANGLE_H
#define BSM_CPU_KERNELS_TRIANGLE_H

#include <stddef.h>

typedef struct bsm_triangle_kernels {
    /** y = L x + beta y, with zeros above the diagonal of L; x and y are rows x n; beta: 0, 1 */
    void (*times)(size_t rows, size_t n, const float *L, const float *x, size_t ld, float beta,
                  float *y, size_t ld_y);

    /** y = L^T x, the same. */
    void (*transposed_times)(size_t rows, size_t n, const float *L, const float *x, size_t ld,
                             float *y, size_t ld_y);

    /** L = a b^T, on and below the diagonal; what is written above it means nothing. a and b are
     *  rows x k. */
    void (*of_products)(size_t rows, size_t k, const float *a, size_t lda, const float *b,
                        size_t ldb, float *L);
} bsm_triangle_kernels;

#endif
