/* SPDX-License-Identifier: ISC */
/** The network's weights as a device gets them: float32 on the host, with the checkpoint's shapes
 *  (row-major, out x in), bound by name once. */
#ifndef BSM_DEVICE_WEIGHTS_H
#define BSM_DEVICE_WEIGHTS_H

#include "bsm/model.h"

/** y = W x + b */
typedef struct bsm_linear {
    const float *weight; /**< [out][in] */
    const float *bias;   /**< [out], or NULL */
} bsm_linear;

/** One band of the band split: an RMS-like norm and a linear layer to `dim` features. */
typedef struct bsm_band_weights {
    const float *gamma; /**< [features of the band] */
    bsm_linear linear;  /**< [dim][features of the band] */
} bsm_band_weights;

/** One direction: a norm and a Mamba2 mixer. */
typedef struct bsm_mixer_weights {
    const float *norm;        /**< [dim] */
    const float *in_proj;     /**< [2 d_inner + 2 d_state + heads][dim], rows z | x | B | C | dt */
    const float *conv_weight; /**< [conv_dim][d_conv] */
    const float *conv_bias;   /**< [conv_dim] */
    const float *dt_bias;     /**< [heads] */
    const float *A_log;       /**< [heads] */
    const float *D;           /**< [heads] */
    const float *gate_norm;   /**< [d_inner] */
    const float *out_proj;    /**< [dim][d_inner] */
} bsm_mixer_weights;

/** One path of a dual-path layer: both directions and their merge. */
typedef struct bsm_path_weights {
    bsm_mixer_weights forward;
    bsm_mixer_weights backward;
    const float *merge_weight; /**< [2 dim][dim], in x out, unlike the others */
    const float *merge_bias;   /**< [dim] */
} bsm_path_weights;

/** One band of one stem's mask estimator. */
typedef struct bsm_mask_weights {
    bsm_linear hidden; /**< [mask_expansion dim][dim] */
    bsm_linear out;    /**< [2 features of the band][mask_expansion dim]: values, then gates */
} bsm_mask_weights;

typedef struct bsm_weights {
    bsm_config config;
    bsm_band_weights *bands; /**< [num_bands] */
    bsm_path_weights *time;  /**< [depth] */
    bsm_path_weights *band;  /**< [depth] */
    const float *final_norm; /**< [dim] */
    bsm_mask_weights *masks; /**< [stem][num_bands] */
    float *converted;        /**< the tensors that the file does not hold as float32 */
} bsm_weights;

/** Bind the tensors of `model`, which must outlive the result. BSM_NO_MEMORY, BSM_BAD_MODEL (a
 *  tensor is missing). */
bsm_status bsm_weights_new(const bsm_model *model, bsm_weights **weights, bsm_error *error);
void bsm_weights_free(bsm_weights *weights);

#endif
