/* SPDX-License-Identifier: ISC */
/** Kernels that the CPU device needs to train, and the backward pass of the convolution. */
#ifndef BSM_DEVICE_CPU_KERNELS_BACKWARD_H
#define BSM_DEVICE_CPU_KERNELS_BACKWARD_H

#include <stddef.h>

#include "device/cpu/kernels.h"

/* The convolution of kernels.h for training. It is a part of bsm_backward_kernels, with the same
 * conventions. */

/** The convolution of some rows of a sequence. */
typedef struct bsm_conv {
    size_t rows, channels, taps;
    size_t before;   /**< rows before the first one, up to taps - 1; zeros stand for missing rows */
    const float *in; /**< the first row; the next is ld further on */
    size_t ld;
    const float *weight; /**< [taps][channels] */
    const float *bias;   /**< [channels] */
} bsm_conv;

typedef struct bsm_conv_gradient {
    /** [rows][channels]: in: gradient w.r.t. the output of SiLU; out: gradient w.r.t. its input.
     *  taps - 1 rows follow that have the latter already; 0 after the sequence */
    float *out;
    const float *slope; /**< [rows][channels] from bsm_convolution_kernels.silu */
    size_t ld_out;      /**< distance from one row of `out` and `slope` to the next */
    float *in;          /**< written; its rows are ld apart, like those of `in` */
    float *weight;      /**< added to */
    float *bias;        /**< added to */
} bsm_conv_gradient;

typedef struct bsm_convolution_kernels {
    /** Compute bsm_kernels.conv_silu again, and the slope of SiLU, which `backward` needs. */
    void (*silu)(const bsm_conv *conv, float *out, float *slope, size_t ld_out);

    /** The backward pass of the same. */
    void (*backward)(const bsm_conv *conv, const bsm_conv_gradient *gradient);
} bsm_convolution_kernels;

/* What the CPU device computes between the matrix products to train: loops over rows, compiled
 * like those of kernels.h. A name d_x means the gradient of the loss with respect to (w.r.t.) x.
 *
 * Gradients w.r.t. weights (`d_weight`, `d_bias`, ...) are added to; those w.r.t. features are
 * overwritten unless a comment says that they are added to. Nothing overlaps unless a comment says
 * so. */

/** The backward pass of one head's masked scores: [rows][BSM_CHUNK] and [rows]. */
typedef struct bsm_scores_gradient {
    float *M;     /**< in: gradient w.r.t. M of bsm_kernels.masked_scores; out: M itself */
    float *dG;    /**< added to */
    float *d_dt;  /**< added to; without the part through cum */
    float *d_cum; /**< added to */
} bsm_scores_gradient;

/** The backward pass of a chunk's decays, all [heads][BSM_CHUNK]. */
typedef struct bsm_decay_gradient {
    float *d_dt; /**< without the part through cum */
    float *d_cum;
    /** [heads] w.r.t. the logarithm of bsm_decay.all, which is cum of the last step */
    float *d_all;
} bsm_decay_gradient;

/** Outer products, and columns of B, that add_outer processes at a time, with up to 16 columns of
 *  A. */
enum {
    BSM_OUTER_DEPTH = 320,
    BSM_OUTER_STRIP = 256,
    BSM_OUTER_SPACE = BSM_OUTER_DEPTH * (BSM_OUTER_STRIP + 16)
};

typedef struct bsm_backward_kernels {
    /** The backward pass of bsm_kernels.rms_norm. d_x has the layout of x and is added to. */
    void (*rms_norm)(size_t rows, size_t n, const float *x, ptrdiff_t step, const float *weight,
                     const float *d_out, float *d_x, float *d_weight);

    /** The backward pass of bsm_kernels.l2_norm. d_x has the layout of x and is added to; NULL if
     *  it is not needed. */
    void (*l2_norm)(size_t rows, size_t n, const float *x, size_t ld, const float *gamma,
                    const float *d_out, float *d_x, float *d_gamma);

    /** d_bias += the sum of the rows of d_x. */
    void (*add_bias)(size_t rows, size_t n, const float *d_x, size_t ld, float *d_bias);

    /** The backward pass of bsm_kernels.gate_norm. `gradient` is d_out on entry and d_y on return;
     *  the forward result is computed again to `out`. Rows of both are ld_out apart, those of z
     *  ld. */
    void (*gate_norm)(size_t rows, size_t n, const float *y, const float *z, size_t ld,
                      const float *weight, float *gradient, float *out, size_t ld_out, float *d_z,
                      size_t ld_d_z, float *d_weight);

    const bsm_convolution_kernels *convolution;

    /** The backward pass of bsm_kernels.masked_scores. */
    void (*masked_scores)(size_t rows, const float *G, const float *dt, const double *cum, float D,
                          const bsm_scores_gradient *gradient);

    /** d_D[h] += the head's sum over rows of x . d_y. */
    void (*skip)(size_t rows, size_t heads, size_t headdim, const float *x, size_t ld_x,
                 const float *d_y, size_t ld_y, float *d_D);

    /** The backward pass of what the steps add to the state after the chunk, where V is B times
     *  the gradient w.r.t. that state: d_x += out V, and the gradients w.r.t. out and `all`. V:
     *  [rows][heads * headdim], rows ld_V apart; d_x is laid out like x. */
    void (*leave_state)(size_t rows, size_t heads, size_t headdim, const bsm_decay *decay,
                        const float *x, size_t ld, const float *V, size_t ld_V, float *d_x,
                        const bsm_decay_gradient *gradient);

    /** out[r] = x[r] * factor, like bsm_kernels.scale_heads; rows of out are ld_out apart. */
    void (*scaled_heads)(size_t rows, size_t heads, size_t headdim, const float *factor,
                         const float *x, size_t ld, float *out, size_t ld_out);

    /** sum[h][r] += the dot product of row r of a and b over the head's columns, rows ld apart;
     *  sum: [heads][BSM_CHUNK]. */
    void (*dot_heads)(size_t rows, size_t heads, size_t headdim, const float *a, const float *b,
                      size_t ld, float *sum);

    /** sum[h] += all[h] <a, b> over the head's columns; a, b: [d_state][heads * headdim], rows ld
     *  apart. */
    void (*dot_states)(size_t d_state, size_t heads, size_t headdim, const float *all,
                       const float *a, const float *b, size_t ld, float *sum);

    /** The backward pass of bsm_kernels.decays. Rows of d_raw are ld apart, like those of raw. */
    void (*decays)(size_t rows, size_t heads, const float *raw, size_t ld, const float *bias,
                   const float *A, const bsm_decay *decay, const bsm_decay_gradient *gradient,
                   float *d_raw, float *d_bias, float *d_A);

    /** The backward pass of out = tanh(...): gradient *= 1 - out^2. */
    void (*tanh)(size_t count, const float *out, float *gradient);

    /** The backward pass of bsm_kernels.apply_mask; `gradient` is w.r.t. masked, d_values is
     *  [rows][2 features]. */
    void (*apply_mask)(size_t rows, size_t features, const float *values, const float *bias,
                       const float *mixture, const float *gradient, size_t ld, float *d_values);

    /** out[i] += x[i] */
    void (*add)(size_t count, const float *x, float *out);

    /** C += A^T B, whatever else the product says: the sum of the outer products of the rows of A
     *  and B, which is the gradient w.r.t. weights. Both are read along their rows, whereas a
     *  library would transpose A first. @param space BSM_OUTER_SPACE floats, aligned to 64 bytes */
    void (*add_outer)(const bsm_product *p, float *space);
} bsm_backward_kernels;

#endif
