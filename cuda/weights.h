/* SPDX-License-Identifier: ISC */
/** A model's weights on the GPU: vectors as float32, and matrices as float32 and, once a workspace
 *  needs it, as bfloat16 too. */
#ifndef BSM_CUDA_WEIGHTS_H
#define BSM_CUDA_WEIGHTS_H

#include <pthread.h>

#include "device/weights.h"
#include "gpu.h"

/** A matrix, given by the index of its first number among those of all matrices. */
typedef size_t bsm_matrix_offset;

typedef struct bsm_cuda_mixer {
    const float *norm;         /**< NULL: folded into in_proj */
    bsm_matrix_offset in_proj; /**< [2 d_inner + 2 d_state + heads][dim], rows z | x | B | C | dt */
    const float *conv_weight, *conv_bias;
    const float *dt_bias, *A, *D; /**< [heads] */
    const float *gate_norm;       /**< NULL: folded into out_proj */
    bsm_matrix_offset out_proj;   /**< [dim][d_inner] */
} bsm_cuda_mixer;

typedef struct bsm_cuda_path {
    bsm_cuda_mixer forward, backward;
    bsm_matrix_offset merge; /**< [2 dim][dim], inputs x outputs */
    const float *merge_bias;
} bsm_cuda_path;

/** Neighbouring bands of about the same width, padded with zeros to one width, so that they are one
 *  batch of products. */
typedef struct bsm_band_class {
    size_t first, count;
    size_t width;            /**< features of a band, with its padding */
    size_t before;           /**< sum of the widths of the bands before the class */
    bsm_matrix_offset split; /**< [band of the class][dim][width] */
} bsm_band_class;

/** One stem's mask estimator. */
typedef struct bsm_cuda_mask {
    bsm_matrix_offset hidden; /**< [band][mask_expansion dim][dim] */
    const float *hidden_bias; /**< [band][mask_expansion dim] */
    bsm_matrix_offset out;    /**< one class after the other, [band][2 width][mask_expansion dim] */
    const float *out_bias;    /**< [band][2 width], as packed */
} bsm_cuda_mask;

typedef struct bsm_cuda_weights {
    bsm_config config;

    bsm_band_class *classes;
    size_t num_classes;
    size_t packed_width; /**< sum of the widths of all bands */
    const bsm_packed_band *bands;
    const uint16_t *band_of; /**< [complex numbers of a frame], the band of each */

    const float *split_gamma; /**< [features of a frame] */
    const float *split_bias;  /**< [band][dim] */
    bsm_cuda_path *time, *band;
    const float *final_norm;
    bsm_cuda_mask *masks;

    size_t num_values; /**< numbers in all matrices */
    float *matrices;
    void *bf16; /**< copy of `matrices`; NULL until it is needed */
    pthread_mutex_t lock;
    void *memory;        /**< memory of the vectors */
    size_t vector_bytes; /**< bytes of the vectors */
} bsm_cuda_weights;

bsm_status bsm_cuda_weights_new(const bsm_weights *host, void **weights, bsm_error *error);
void bsm_cuda_weights_free(void *weights);

/** The bytes of the GPU's memory that the weights take. Any thread. */
size_t bsm_cuda_weights_bytes(bsm_cuda_weights *weights);

/** Make the bfloat16 copy of the matrices unless it exists. Any thread. BSM_NO_MEMORY,
 *  BSM_DEVICE_FAILED. */
bsm_status bsm_cuda_weights_need_bf16(bsm_cuda_weights *weights, bsm_gpu *gpu, bsm_error *error);

/** The matrix in the precision of `gpu`'s products. */
const void *bsm_cuda_matrix(const bsm_cuda_weights *weights, const bsm_gpu *gpu,
                            bsm_matrix_offset at);

/* ---- Bands of many widths as a few batches of products ---- */

/** Fill `classes` (which has room for num_bands), except for their matrices; return the number of
 *  classes. */
size_t bsm_classes_of(const bsm_config *config, bsm_band_class *classes, size_t *packed_width);

/** Fill `bands` with the layout of each band. */
void bsm_classes_pack(const bsm_config *config, const bsm_band_class *classes, size_t num_classes,
                      bsm_packed_band *bands);

#endif
