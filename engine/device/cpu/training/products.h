/* SPDX-License-Identifier: ISC */
/** Products of rows with matrices: a linear layer forward, and its gradients w.r.t. x and W. */
#ifndef BSM_CPU_TRAINING_PRODUCTS_H
#define BSM_CPU_TRAINING_PRODUCTS_H

#include "device/cpu/kernels_backward.h"
#include "device/cpu/matrix.h"
#include "device/cpu/packed.h"

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

/** How one thread computes products: in float32, or in bfloat16 from rounded values with sums in
 *  float32. */
typedef struct bsm_products {
    const bsm_kernels *kernels;
    const bsm_packed_kernels *bf16; /**< NULL: float32 */
    float *space;                   /**< bsm_products_space bytes, aligned to 64 */
} bsm_products;

/** Bytes of the space. */
size_t bsm_products_space(bool bf16);

/** C = op(A) op(B) + beta C */
void bsm_products_run(const bsm_products *products, const bsm_product *p);

/** C = A B + beta C; A is m x k, B k x n. */
static inline void bsm_multiply(const bsm_products *products, size_t m, size_t n, size_t k,
                                bsm_const_matrix a, bsm_const_matrix b, float beta, bsm_matrix c)
{
    bsm_product p = bsm_product_of(m, n, k, a, b, beta, c);
    bsm_products_run(products, &p);
}

/** C = A B^T + beta C; A is m x k, B n x k. */
static inline void bsm_multiply_by_rows(const bsm_products *products, size_t m, size_t n, size_t k,
                                        bsm_const_matrix a, bsm_const_matrix b, float beta,
                                        bsm_matrix c)
{
    bsm_product p = bsm_product_of(m, n, k, a, b, beta, c);
    p.transpose_b = true;
    bsm_products_run(products, &p);
}

/** C = A^T B + beta C; A is k x m, B k x n. */
static inline void bsm_multiply_columns(const bsm_products *products, size_t m, size_t n, size_t k,
                                        bsm_const_matrix a, bsm_const_matrix b, float beta,
                                        bsm_matrix c)
{
    bsm_product p = bsm_product_of(m, n, k, a, b, beta, c);
    p.transpose_a = true;
    bsm_products_run(products, &p);
}

/** C += A^T B; A is k x m, B k x n: the gradient of a layer's weights. */
static inline void bsm_add_outer(const bsm_products *products, size_t m, size_t n, size_t k,
                                 bsm_const_matrix a, bsm_const_matrix b, bsm_matrix c)
{
    bsm_product p = bsm_product_of(m, n, k, a, b, 1, c);
    p.transpose_a = true;
    if (products->bf16) {
        bsm_products_run(products, &p);
    } else {
        products->kernels->backward->add_outer(&p, products->space);
    }
}

#endif
