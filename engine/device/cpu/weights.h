/* SPDX-License-Identifier: ISC */
/** Weights as the CPU device uses them. The paths' matrices are packed, in bfloat16 or int8 if
 *  `precision` asks for it; the input projection is divided by when its parts are needed; and A is
 *  computed from A_log. The weights of each band, of the band split and the masks, stay float32:
 *  they are 2 % of the published network's arithmetic, and rounding them costs as much accuracy as
 *  rounding all the others. Merges are never int8 (docs/performance.md has the measurements). */
#ifndef BSM_CPU_WEIGHTS_H
#define BSM_CPU_WEIGHTS_H

#include "device/cpu/matrix.h"
#include "device/weights.h"

typedef struct bsm_cpu_mixer {
    const float *norm;        /**< [dim] */
    bsm_cpu_matrix in_xbcdt;  /**< dim to conv_dim + heads */
    bsm_cpu_matrix in_z;      /**< dim to d_inner */
    const float *conv_weight; /**< [d_conv][conv_dim] */
    const float *conv_bias;   /**< [conv_dim] */
    const float *dt_bias;     /**< [heads] */
    const float *A;           /**< [heads], -exp(A_log) */
    const float *D;           /**< [heads] */
    const float *gate_norm;   /**< [d_inner] */
    bsm_cpu_matrix out_proj;  /**< d_inner to dim */
} bsm_cpu_mixer;

typedef struct bsm_cpu_path {
    bsm_cpu_mixer forward, backward;
    bsm_cpu_matrix merge_forward, merge_backward; /**< dim to dim */
    const float *merge_bias;
} bsm_cpu_path;

typedef struct bsm_cpu_linear {
    const float *weight; /**< [in][out] */
    const float *bias;   /**< [out] */
} bsm_cpu_linear;

typedef struct bsm_cpu_band_weights {
    size_t offset, features; /**< where the band begins in a frame's features */
    const float *gamma;      /**< [features] */
    bsm_cpu_linear linear;
} bsm_cpu_band_weights;

typedef struct bsm_cpu_mask_weights {
    bsm_cpu_linear hidden, out;
} bsm_cpu_mask_weights;

typedef struct bsm_cpu_weights {
    bsm_config config;
    bsm_precision precision;     /**< of the paths' products */
    bsm_cpu_band_weights *bands; /**< [num_bands] */
    bsm_cpu_path *time, *band;   /**< [depth] */
    const float *final_norm;     /**< [dim] */
    bsm_cpu_mask_weights *masks; /**< [stem][num_bands] */
    void *memory;
} bsm_cpu_weights;

bsm_status bsm_cpu_weights_new(const bsm_weights *host, void **weights, bsm_error *error);

/** The same for a network in bfloat16, and in int8, if the processor has packed products for it. */
bsm_status bsm_cpu_weights_new_bf16(const bsm_weights *host, void **weights, bsm_error *error);
bsm_status bsm_cpu_weights_new_int8(const bsm_weights *host, void **weights, bsm_error *error);
void bsm_cpu_weights_free(void *weights);

#endif
