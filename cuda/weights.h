/* SPDX-License-Identifier: ISC */
/** A model's weights on the GPU: vectors as float32, matrices as float32 and, once a workspace
 *  asks for it, as bfloat16. */
#ifndef BSM_CUDA_WEIGHTS_H
#define BSM_CUDA_WEIGHTS_H

#include <pthread.h>

#include "device/weights.h"
#include "gpu.h"

/* A model's weights on the GPU: vectors as float32, matrices as float32 and, once a workspace
 *  asks for it, as bfloat16. */

/** A matrix: its first number's place among all matrices. */
typedef size_t bsm_matrix;

typedef struct bsm_cuda_mixer {
    const float *norm;  /**< NULL: it is in in_proj */
    bsm_matrix in_proj; /**< [2 d_inner + 2 d_state + heads][dim], rows z | x | B | C | dt */
    const float *conv_weight, *conv_bias;
    const float *dt_bias, *A, *D; /**< [heads] */
    const float *gate_norm;       /**< NULL: it is in out_proj */
    bsm_matrix out_proj;          /**< [dim][d_inner] */
} bsm_cuda_mixer;

typedef struct bsm_cuda_path {
    bsm_cuda_mixer forward, backward;
    bsm_matrix merge; /**< [2 dim][dim], in x out */
    const float *merge_bias;
} bsm_cuda_path;

/** Neighbouring bands that are about as wide: one batch of products, each padded with zeros. */
typedef struct bsm_band_class {
    size_t first, count;
    size_t width;     /**< features of a band, padded */
    size_t before;    /**< widths of the bands before the class, together */
    bsm_matrix split; /**< [band of the class][dim][width] */
} bsm_band_class;

/** One stem's mask estimator. */
typedef struct bsm_cuda_mask {
    bsm_matrix hidden;        /**< [band][mask_expansion dim][dim] */
    const float *hidden_bias; /**< [band][mask_expansion dim] */
    bsm_matrix out;           /**< class after class [band][2 width][mask_expansion dim] */
    const float *out_bias;    /**< [band][2 width], as packed */
} bsm_cuda_mask;

typedef struct bsm_cuda_weights {
    bsm_config config;

    bsm_band_class *classes;
    size_t num_classes;
    size_t packed_width; /**< widths of all bands, together */
    const bsm_packed_band *bands;
    const uint16_t *band_of; /**< [complex numbers of a frame] the band of each */

    const float *split_gamma; /**< [features of a frame] */
    const float *split_bias;  /**< [band][dim] */
    bsm_cuda_path *time, *band;
    const float *final_norm;
    bsm_cuda_mask *masks;

    size_t num_values; /**< of all matrices */
    float *matrices;
    void *bf16; /**< NULL until it is needed */
    pthread_mutex_t lock;
    void *memory;        /**< vectors */
    size_t vector_bytes; /**< of these */
} bsm_cuda_weights;

bsm_status bsm_cuda_weights_new(const bsm_weights *host, void **weights, bsm_error *error);
void bsm_cuda_weights_free(void *weights);

/** Bytes of the GPU's memory. Any thread. */
size_t bsm_cuda_weights_bytes(bsm_cuda_weights *weights);

/** Have the matrices as bfloat16, too. Any thread. BSM_NO_MEMORY, BSM_DEVICE_FAILED. */
bsm_status bsm_cuda_weights_need_bf16(bsm_cuda_weights *weights, bsm_gpu *gpu, bsm_error *error);

/** A matrix in the GPU's precision. */
const void *bsm_cuda_matrix(const bsm_cuda_weights *weights, const bsm_gpu *gpu, bsm_matrix at);

/* ---- Bands of many widths as a few batches of products ---- */

/** Fill `classes` (room for num_bands) but for their matrices; returns how many there are. */
size_t bsm_classes_of(const bsm_config *config, bsm_band_class *classes, size_t *packed_width);

/** Where each band lies. */
void bsm_classes_pack(const bsm_config *config, const bsm_band_class *classes, size_t num_classes,
                      bsm_packed_band *bands);

#endif
