/* SPDX-License-Identifier: ISC */
/** Where each tensor lies in the vectors of bsm/training.h, counted in floats. */
#ifndef BSM_CUDA_TRAINING_PLACES_H
#define BSM_CUDA_TRAINING_PLACES_H

#include "bsm/config.h"
#include "bsm/status.h"

/* These hold nothing but places, in the order of the vectors. */

typedef struct bsm_mixer_places {
    size_t norm;
    size_t dt_bias, A_log, D;
    size_t in_proj;
    size_t conv_weight, conv_bias;
    size_t gate_norm;
    size_t out_proj;
} bsm_mixer_places;

typedef struct bsm_path_places {
    bsm_mixer_places mixers[2]; /**< forward, backward */
    size_t merge, merge_bias;
} bsm_path_places;

typedef struct bsm_split_places {
    size_t gamma, weight, bias;
} bsm_split_places;

typedef struct bsm_mask_places {
    size_t hidden, hidden_bias, out, out_bias;
} bsm_mask_places;

typedef struct bsm_places {
    size_t size;                  /**< floats of a vector */
    const bsm_path_places *paths; /**< [2 layer + axis] */
    size_t final_norm;
    const bsm_split_places *splits; /**< [band] */
    const bsm_mask_places *masks;   /**< [stem][band] */
    size_t *memory;
} bsm_places;

/** BSM_NO_MEMORY, BSM_INVALID_ARGUMENT. */
bsm_status bsm_places_new(const bsm_config *config, bsm_places *places, bsm_error *error);
void bsm_places_clear(bsm_places *places);

/** Neighbouring bands of one width: their tensors lie at equal distances. */
typedef struct bsm_band_run {
    size_t first, count;
    size_t features; /**< of a band */
    size_t before;   /**< features of the bands before the run */
} bsm_band_run;

/** Fill `runs` (room for num_bands); returns how many there are. */
size_t bsm_band_runs(const bsm_config *config, bsm_band_run *runs);

#endif
