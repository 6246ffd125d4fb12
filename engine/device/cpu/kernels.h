/* SPDX-License-Identifier: ISC */
/** What the CPU device computes between the matrix products: loops over rows that the compiler
 *  vectorises. kernels.c is compiled once per instruction set; the best one is chosen at run time.
 *
 *  Matrices are row-major; `ld` is the distance in floats from one row to the next. */
#ifndef BSM_CPU_KERNELS_H
#define BSM_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/** Steps of the scan that are computed as one matrix product. */
enum { BSM_CHUNK = 64 };

/** The distance in floats between rows of `width` that products walk down. At a multiple of 4 KB
 *  all rows would fall into the same few places of the cache, and products are up to a third
 *  slower. */
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

/** How one chunk of a scan decays, per head: [heads][BSM_CHUNK]. */
typedef struct bsm_decay {
    float *dt;
    double *cum; /**< sum of dt A up to and with each step; in double, since differences are used */
    float *in;   /**< exp(cum): how much of the state before the chunk is left at each step */
    float *out;  /**< dt exp(cum of the last step - cum): what each step leaves behind the chunk */
    float *all;  /**< [heads] exp(cum of the last step) */
} bsm_decay;

typedef struct bsm_kernels {
    const char *name; /**< of the instruction set */

    void (*product)(const bsm_product *p);

    /** out[r] = x[r] / sqrt(mean(x[r]^2) + 1e-5) * weight; rows of x are `step` apart, which may
     *  be negative, those of out `n`. */
    void (*rms_norm)(size_t rows, size_t n, const float *x, ptrdiff_t step, const float *weight,
                     float *out);

    /** out[r] = x[r] / max(|x[r]|, 1e-12) * sqrt(n) * gamma */
    void (*l2_norm)(size_t rows, size_t n, const float *x, size_t ld, const float *gamma,
                    float *out);

    /** out[r] = SiLU(bias + sum over k < taps of weight[k] * in[r + k]); weight: [taps][channels].
     */
    void (*conv_silu)(size_t rows, size_t channels, size_t taps, const float *in, size_t ld,
                      const float *weight, const float *bias, float *out, size_t ld_out);

    /** dt = softplus(raw + bias) and all that follows from it. raw: [rows][heads], rows ld apart.
     */
    void (*decays)(size_t rows, size_t heads, const float *raw, size_t ld, const float *bias,
                   const float *A, const bsm_decay *decay);

    /** One head's masked product: M[i][j] = G[i][j] exp(cum_i - cum_j) dt_j for j <= i, plus D on
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

    /** masked[r] = mixture[r] * (a * sigmoid(b)), complex; a and b are the halves of
     *  values[r] + bias, [2 features]. Rows of mixture and masked are ld apart. */
    void (*apply_mask)(size_t rows, size_t features, const float *values, const float *bias,
                       const float *mixture, float *masked, size_t ld);

    const struct bsm_triangle_kernels *triangle; /**< products inside a chunk of the scan */
    const struct bsm_backward_kernels *backward; /**< what only training needs */
    const struct bsm_pack_kernels *pack;         /**< what packs where neither side lies ready */
    const struct bsm_scan_kernels *scan;         /**< what only the scan in bfloat16 needs */
    const struct bsm_row_kernels *rows;          /**< what makes the rows of packed products */
} bsm_kernels;

/** The best kernels for this processor. Any thread. */
const bsm_kernels *bsm_kernels_get(void);

/** The index-th set that this processor can run, slowest first; NULL past the last. For tests. */
const bsm_kernels *bsm_kernels_at(size_t index);

#endif
