/* SPDX-License-Identifier: ISC */
/** The convolution of kernels.h on its way back; a part of kernels_backward.h, whose conventions it
 *  follows. */
#ifndef BSM_DEVICE_CPU_KERNELS_BACKWARD_H
#define BSM_DEVICE_CPU_KERNELS_BACKWARD_H

#include <stddef.h>

#include "device/cpu/kernels.h"

/* The convolution of kernels.h on its way back; a part of kernels_backward.h, whose conventions it
 *  follows. */

/** The convolution of some rows of a sequence. */
typedef struct bsm_conv {
    size_t rows, channels, taps;
    size_t before;   /**< rows before the first, up to taps - 1; zeros stand for the missing ones */
    const float *in; /**< the first row; ld to the next */
    size_t ld;
    const float *weight; /**< [taps][channels] */
    const float *bias;   /**< [channels] */
} bsm_conv;

typedef struct bsm_conv_gradient {
    float *out; /**< [rows][channels] by what SiLU gives; then by what goes into it. taps - 1
                     rows follow that have the latter already; 0 behind the sequence */
    const float *slope; /**< [rows][channels] of bsm_convolution_kernels.silu */
    size_t ld_out;      /**< from one row of `out` and `slope` to the next */
    float *in;          /**< written, rows ld apart as those of `in` */
    float *weight;      /**< added */
    float *bias;        /**< added */
} bsm_conv_gradient;

typedef struct bsm_convolution_kernels {
    /** bsm_kernels.conv_silu again, and how SiLU rises there: what `backward` needs. */
    void (*silu)(const bsm_conv *conv, float *out, float *slope, size_t ld_out);

    /** The same backward. */
    void (*backward)(const bsm_conv *conv, const bsm_conv_gradient *gradient);
} bsm_convolution_kernels;

/* What the CPU device computes between the matrix products to train: loops over rows, compiled
 *  like those of kernels.h. d_ before a name means the loss's gradient by it.
 *
 *  Gradients by weights (`d_weight`, `d_bias`, ...) are added to what is there; those by features
 *  are written unless it says that they are added. Nothing overlaps unless it says so. */

/** The masked scores of one head on their way back: [rows][BSM_CHUNK] and [rows]. */
typedef struct bsm_scores_gradient {
    float *M;     /**< in: the gradient by M of bsm_kernels.masked_scores; out: M itself */
    float *dG;    /**< added */
    float *d_dt;  /**< added; apart from what goes through cum */
    float *d_cum; /**< added */
} bsm_scores_gradient;

/** The decays of a chunk on their way back, all [heads][BSM_CHUNK]. */
typedef struct bsm_decay_gradient {
    float *d_dt; /**< apart from what goes through cum */
    float *d_cum;
    float *d_all; /**< [heads] by the logarithm of bsm_decay.all, which is cum of the last step */
} bsm_decay_gradient;

/** Outer products, and columns of B, that add_outer takes at a time, with up to 16 of A. */
enum {
    BSM_OUTER_DEPTH = 320,
    BSM_OUTER_STRIP = 256,
    BSM_OUTER_SPACE = BSM_OUTER_DEPTH * (BSM_OUTER_STRIP + 16)
};

typedef struct bsm_backward_kernels {
    /** bsm_kernels.rms_norm. d_x, laid out like x, is added. */
    void (*rms_norm)(size_t rows, size_t n, const float *x, ptrdiff_t step, const float *weight,
                     const float *d_out, float *d_x, float *d_weight);

    /** bsm_kernels.l2_norm. d_x, laid out like x, is added; NULL if nobody wants it. */
    void (*l2_norm)(size_t rows, size_t n, const float *x, size_t ld, const float *gamma,
                    const float *d_out, float *d_x, float *d_gamma);

    /** d_bias += the sum of the rows of d_x. */
    void (*add_bias)(size_t rows, size_t n, const float *d_x, size_t ld, float *d_bias);

    /** bsm_kernels.gate_norm. `gradient` is d_out, then d_y; what went out is computed again to
     *  `out`. Rows of both are ld_out apart, those of z ld. */
    void (*gate_norm)(size_t rows, size_t n, const float *y, const float *z, size_t ld,
                      const float *weight, float *gradient, float *out, size_t ld_out, float *d_z,
                      size_t ld_d_z, float *d_weight);

    const bsm_convolution_kernels *convolution;

    /** bsm_kernels.masked_scores */
    void (*masked_scores)(size_t rows, const float *G, const float *dt, const double *cum, float D,
                          const bsm_scores_gradient *gradient);

    /** d_D[h] += sum over rows of x . d_y of the head */
    void (*skip)(size_t rows, size_t heads, size_t headdim, const float *x, size_t ld_x,
                 const float *d_y, size_t ld_y, float *d_D);

    /** What the steps leave behind the chunk, V being B times the gradient by the state behind it:
     *  d_x += out V, with the gradients by out and `all`. V: [rows][heads * headdim],
     *  rows ld_V apart; d_x like x. */
    void (*leave_state)(size_t rows, size_t heads, size_t headdim, const bsm_decay *decay,
                        const float *x, size_t ld, const float *V, size_t ld_V, float *d_x,
                        const bsm_decay_gradient *gradient);

    /** out[r] = x[r] * factor, as bsm_kernels.scale_heads; rows of out are ld_out apart. */
    void (*scaled_heads)(size_t rows, size_t heads, size_t headdim, const float *factor,
                         const float *x, size_t ld, float *out, size_t ld_out);

    /** sum[h][r] += the dot product of the head's columns of row r of a and b, rows ld apart;
     *  sum: [heads][BSM_CHUNK] */
    void (*dot_heads)(size_t rows, size_t heads, size_t headdim, const float *a, const float *b,
                      size_t ld, float *sum);

    /** sum[h] += all[h] <a, b> of the head's columns; a, b: [d_state][heads * headdim],
     *  rows ld apart */
    void (*dot_states)(size_t d_state, size_t heads, size_t headdim, const float *all,
                       const float *a, const float *b, size_t ld, float *sum);

    /** bsm_kernels.decays. d_raw: rows ld apart, as raw. */
    void (*decays)(size_t rows, size_t heads, const float *raw, size_t ld, const float *bias,
                   const float *A, const bsm_decay *decay, const bsm_decay_gradient *gradient,
                   float *d_raw, float *d_bias, float *d_A);

    /** out = tanh(...): gradient *= 1 - out^2 */
    void (*tanh)(size_t count, const float *out, float *gradient);

    /** bsm_kernels.apply_mask; `gradient` by masked, d_values [rows][2 features]. */
    void (*apply_mask)(size_t rows, size_t features, const float *values, const float *bias,
                       const float *mixture, const float *gradient, size_t ld, float *d_values);

    /** out[i] += x[i] */
    void (*add)(size_t count, const float *x, float *out);

    /** C += A^T B, whatever else the product says: the outer products of the rows of A and of B,
     *  which is what weights get. Both are read along their rows, where a library turns A round
     *  first. @param space BSM_OUTER_SPACE floats, aligned to 64 bytes */
    void (*add_outer)(const bsm_product *p, float *space);
} bsm_backward_kernels;

#endif
