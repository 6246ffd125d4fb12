/* SPDX-License-Identifier: ISC */
/** What the CPU device computes between the matrix products: loops over rows that the compiler
 *  vectorises. kernels.c is compiled once per instruction set; the best set is chosen at run time.
 *
 *  Matrices are row-major; `ld` is the distance in floats from one row to the next. */
#ifndef BSM_DEVICE_CPU_KERNELS_H
#define BSM_DEVICE_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Steps of the scan that are computed as one matrix product. */
enum { BSM_CHUNK = 64 };

/** The distance in floats between rows of `width` for matrices that products read down the
 *  columns. If it were a multiple of 4 KB, all rows would share a few sets of the cache, and
 *  products would be up to a third slower. */
static inline size_t bsm_cpu_ld(size_t width)
{
    return width >= 256 && width % 64 == 0 ? width + 16 : width;
}

/** A product C = op(A) op(B) + beta C: op(A) is m x k, op(B) k x n. */
typedef struct bsm_product {
    size_t m, n, k;
    bool transpose_a, transpose_b;
    const float *a;
    size_t lda;
    const float *b;
    size_t ldb;
    float beta; /**< 0 or 1 */
    float *c;
    size_t ldc;
} bsm_product;

/** The decays of one chunk of a scan, per head: [heads][BSM_CHUNK]. */
typedef struct bsm_decay {
    float *dt;
    double *cum; /**< running sum of dt A; double, because differences of it are used */
    float *in;   /**< exp(cum): the part of the state before the chunk that remains at each step */
    /** dt exp(cum of the last step - cum): what each step adds to the state after the chunk */
    float *out;
    float *all; /**< [heads] exp(cum of the last step) */
} bsm_decay;

typedef struct bsm_kernels {
    const char *name; /**< of the instruction set */

    void (*product)(const bsm_product *p);

    /** out[r] = x[r] / sqrt(mean(x[r]^2) + 1e-5) * weight; rows of x are `step` apart, which may
     *  be negative, rows of out `n`. */
    void (*rms_norm)(size_t rows, size_t n, const float *x, ptrdiff_t step, const float *weight,
                     float *out);

    /** out[r] = x[r] / max(|x[r]|, 1e-12) * sqrt(n) * gamma */
    void (*l2_norm)(size_t rows, size_t n, const float *x, size_t ld, const float *gamma,
                    float *out);

    /** out[r] = SiLU(bias + sum over k < taps of weight[k] * in[r + k]); weight: [taps][channels].
     */
    void (*conv_silu)(size_t rows, size_t channels, size_t taps, const float *in, size_t ld,
                      const float *weight, const float *bias, float *out, size_t ld_out);

    /** dt = softplus(raw + bias), and all decays that follow from it. raw: [rows][heads], rows ld
     *  apart. */
    void (*decays)(size_t rows, size_t heads, const float *raw, size_t ld, const float *bias,
                   const float *A, const bsm_decay *decay);

    /** One head's masked scores: M[i][j] = G[i][j] exp(cum_i - cum_j) dt_j for j <= i, plus D on
     *  the diagonal; zero above it. G and M: [rows][BSM_CHUNK]. */
    void (*masked_scores)(size_t rows, const float *G, const float *dt, const double *cum, float D,
                          float *M);

    /** x[r][h * headdim + p] *= factor[h][r], factor: [heads][BSM_CHUNK] */
    void (*scale_heads)(size_t rows, size_t heads, size_t headdim, const float *factor, float *x,
                        size_t ld);

    /** S[n][h * headdim + p] *= factor[h]; rows are ld apart. */
    void (*scale_state)(size_t d_state, size_t heads, size_t headdim, const float *factor, float *S,
                        size_t ld);

    /** y[r] = rms(y[r] * SiLU(z[r])) * weight; rows of z are ld_z apart, those of y n */
    void (*gate_norm)(size_t rows, size_t n, float *y, const float *z, size_t ld_z,
                      const float *weight);

    /** x[r] += bias */
    void (*add_bias)(size_t rows, size_t n, float *x, size_t ld, const float *bias);

    /** x[r] = tanh(x[r] + bias) */
    void (*tanh_bias)(size_t rows, size_t n, float *x, const float *bias);

    /** masked[r] = mixture[r] * (a * sigmoid(b)), complex; a and b are the halves of values[r] +
     *  bias, [2 features]. Rows of mixture and masked are ld apart. */
    void (*apply_mask)(size_t rows, size_t features, const float *values, const float *bias,
                       const float *mixture, float *masked, size_t ld);

    const struct bsm_triangle_kernels *triangle; /**< products inside a chunk of the scan */
    const struct bsm_backward_kernels *backward; /**< kernels that only training needs */
    const struct bsm_pack_kernels *pack;         /**< packing of both sides of a product */
    const struct bsm_scan_kernels *scan; /**< kernels that only the scan in bfloat16 needs */
    const struct bsm_row_kernels *rows;  /**< conversion to the rows of packed products */
} bsm_kernels;

/** The best kernels for this processor. Any thread. */
const bsm_kernels *bsm_kernels_get(void);

/** The set number `index` of those that this processor can run, slowest first; NULL past the last.
 *  For tests. */
const bsm_kernels *bsm_kernels_at(size_t index);

/* Rounds and packs both sides of a product in bfloat16 (packed.h), as training needs because
 * neither side is packed beforehand. Like kernels.c, compiled once per instruction set.
 *
 * Rows of x are ld floats apart; zeros fill up to whole tiles. */

typedef struct bsm_pack_kernels {
    /** Pack x^T as rows: x is k x m, out is m x k with rows ld_out apart. */
    void (*columns)(size_t k, size_t m, const float *x, size_t ld, uint16_t *out, size_t ld_out);

    /** Pack the matrix x of k inputs and n outputs, k x n. */
    void (*matrix)(size_t k, size_t n, const float *x, size_t ld, uint16_t *packed);

    /** Pack the same matrix, given as x of n x k. */
    void (*transposed)(size_t k, size_t n, const float *x, size_t ld, uint16_t *packed);
} bsm_pack_kernels;

/* Converts rows for packed products (packed.h). Like kernels.c, compiled once per instruction
 * set. */

/** Rows of x are ld apart, rows of the result ld_out; zeros fill up to whole tiles. */
typedef struct bsm_row_kernels {
    /** out[r] = x[r], rounded */
    void (*to_bf16)(size_t rows, size_t n, const float *x, size_t ld, uint16_t *out, size_t ld_out);

    /** q[r] = round(x[r] / scale[r]) + BSM_INT8_ZERO with scale[r] = max |x[r]| / BSM_INT8_MAX. If
     *  a value is not finite, neither is the scale. */
    void (*to_int8)(size_t rows, size_t n, const float *x, size_t ld, uint8_t *q, size_t ld_out,
                    float *scale);
} bsm_row_kernels;

/* Makes the rows and packed matrices for a scan in bfloat16 (packed.h). Like kernels.c, compiled
 * once per instruction set. */

typedef struct bsm_scan_kernels {
    /** masked_scores of kernels.h, rounded; rows of M are ld apart, and zeros fill them up to
     *  whole tiles of `rows` inputs. */
    void (*masked_scores)(size_t rows, const float *G, const float *dt, const double *cum, float D,
                          uint16_t *M, size_t ld);

    /** out[r] = factor[r] x[r], rounded; n is a multiple of 16. A factor of NULL means 1. */
    void (*scale_rows)(size_t rows, size_t n, const float *x, size_t ld, const float *factor,
                       uint16_t *out, size_t ld_out);

    /** Pack factor[r] x[r] as inputs; n is a multiple of 16 outputs, and zeros fill up to whole
     *  tiles. A factor of NULL means 1. The packed matrix has `depth` inputs in total, and these
     *  begin at `out`. */
    void (*pack)(size_t rows, size_t n, const float *x, size_t ld, const float *factor,
                 uint16_t *out, size_t depth);

    /** The same without a factor, followed by S *= factor. */
    void (*pack_state)(size_t rows, size_t n, float *S, size_t ld, float factor, uint16_t *out,
                       size_t depth);
} bsm_scan_kernels;

/* Products with a lower-triangular matrix, as the steps of a chunk need them: half the arithmetic
 * of a full one. Like kernels.c, compiled once per instruction set.
 *
 * A triangle L has `rows` rows and columns, at most BSM_CHUNK, in memory of
 * [BSM_CHUNK][BSM_CHUNK]. The values above the diagonal may be read but do not matter, and
 * of_products overwrites them. */

typedef struct bsm_triangle_kernels {
    /** y = L x + beta y, where zeros stand above the diagonal of L; x and y are rows x n; beta is
     *  0 or 1. */
    void (*times)(size_t rows, size_t n, const float *L, const float *x, size_t ld, float beta,
                  float *y, size_t ld_y);

    /** y = L^T x, likewise. */
    void (*transposed_times)(size_t rows, size_t n, const float *L, const float *x, size_t ld,
                             float *y, size_t ld_y);

    /** L = a b^T on and below the diagonal; the values written above it are meaningless. a and b
     *  are rows x k. */
    void (*of_products)(size_t rows, size_t k, const float *a, size_t lda, const float *b,
                        size_t ldb, float *L);
} bsm_triangle_kernels;

#endif
