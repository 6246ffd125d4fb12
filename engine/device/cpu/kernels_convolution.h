/* SPDX-License-Identifier: ISC */
/** The convolution of kernels.h on its way back; a part of kernels_backward.h, whose conventions it
 *  follows. */
#ifndef BSM_CPU_KERNELS_CONVOLUTION_H
#define BSM_CPU_KERNELS_CONVOLUTION_H

#include <stddef.h>

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

#endif
