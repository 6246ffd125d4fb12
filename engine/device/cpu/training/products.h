/* SPDX-License-Identifier: ISC */
/** Products of rows with matrices: a linear layer forward, by x and by W. */
#ifndef BSM_CPU_TRAINING_PRODUCTS_H
#define BSM_CPU_TRAINING_PRODUCTS_H

#include "device/cpu/kernels_backward.h"
#include "device/cpu/product.h"

/** A matrix inside another: `ld` floats from one row to the next. */
typedef struct bsm_matrix {
    float *at;
    size_t ld;
} bsm_matrix;

typedef struct bsm_const_matrix {
    const float *at;
    size_t ld;
} bsm_const_matrix;

static inline bsm_matrix bsm_out(float *at, size_t ld)
{
    return (bsm_matrix){at, ld};
}

static inline bsm_const_matrix bsm_in(const float *at, size_t ld)
{
    return (bsm_const_matrix){at, ld};
}

/** A product with its sizes and matrices. */
static inline bsm_product bsm_product_of(size_t m, size_t n, size_t k, bsm_const_matrix a,
                                         bsm_const_matrix b, float beta, bsm_matrix c)
{
    return (bsm_product){.m = m,
                         .n = n,
                         .k = k,
                         .a = a.at,
                         .lda = a.ld,
                         .b = b.at,
                         .ldb = b.ld,
                         .beta = beta,
                         .c = c.at,
                         .ldc = c.ld};
}

/** C = A B + beta C; A is m x k, B k x n. */
static inline void bsm_multiply(const bsm_kernels *kernels, size_t m, size_t n, size_t k,
                                bsm_const_matrix a, bsm_const_matrix b, float beta, bsm_matrix c)
{
    bsm_product p = bsm_product_of(m, n, k, a, b, beta, c);
    bsm_cpu_product(kernels, &p);
}

/** C = A B^T + beta C; A is m x k, B n x k. */
static inline void bsm_multiply_by_rows(const bsm_kernels *kernels, size_t m, size_t n, size_t k,
                                        bsm_const_matrix a, bsm_const_matrix b, float beta,
                                        bsm_matrix c)
{
    bsm_product p = bsm_product_of(m, n, k, a, b, beta, c);
    p.transpose_b = true;
    bsm_cpu_product(kernels, &p);
}

/** C = A^T B + beta C; A is k x m, B k x n. */
static inline void bsm_multiply_columns(const bsm_kernels *kernels, size_t m, size_t n, size_t k,
                                        bsm_const_matrix a, bsm_const_matrix b, float beta,
                                        bsm_matrix c)
{
    bsm_product p = bsm_product_of(m, n, k, a, b, beta, c);
    p.transpose_a = true;
    bsm_cpu_product(kernels, &p);
}

/** C += A^T B; A is k x m, B k x n: the gradient by a layer's weights.
 *  @param space BSM_OUTER_SPACE floats */
static inline void bsm_add_outer(const bsm_kernels *kernels, float *space, size_t m, size_t n,
                                 size_t k, bsm_const_matrix a, bsm_const_matrix b, bsm_matrix c)
{
    bsm_product p = bsm_product_of(m, n, k, a, b, 1, c);
    kernels->backward->add_outer(&p, space);
}

#endif
