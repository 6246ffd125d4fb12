/* SPDX-License-Identifier: ISC */
/** T or B (docs/model.md) of one whole sequence, forward as in training, and its gradient. */
#ifndef BSM_REFERENCE_PATH_H
#define BSM_REFERENCE_PATH_H

#include <stdint.h>

#include "device/carve.h"
#include "device/reference/backward.h"

/** What a sequence of up to `length` steps needs. A mixer's steps count in its own direction. */
typedef struct bsm_reference_path_memory {
    float *forward, *backward; /**< [length][dim] what the mixers gave */
    float *values;             /**< [length][step] of the mixer that was run last */
    float *states;             /**< [length + 1][state] before each step, and after the last */
    double *dout;              /**< [length][dim] by what one mixer gave */
    double *dstate;            /**< [state] */
    double *scratch;           /**< of one mixer step on the way back */
} bsm_reference_path_memory;

bsm_reference_path_memory bsm_reference_path_carve(const bsm_config *config, size_t length,
                                                   bsm_carver *carver);

/** Which values of a sequence are dropped: see bsm_dropout_factor. */
typedef struct bsm_reference_dropout {
    double p;
    uint64_t forward_key, backward_key;
    uint64_t sequence;
} bsm_reference_dropout;

/** One path on sequences of `length` steps. */
typedef struct bsm_reference_path {
    const bsm_config *config;
    const bsm_path_weights *weights;
    size_t length;
    bsm_reference_dropout dropout;
} bsm_reference_path;

/** @param x, y  [length][dim]; y must not overlap x */
void bsm_reference_path_forward(const bsm_reference_path *path, const float *x,
                                const bsm_reference_path_memory *memory, float *y);

/** Computes what it needs of the forward run again.
 *  @param x, dy, dx  [length][dim]; dx is added to */
void bsm_reference_path_backward(const bsm_reference_path *path, const float *x, const double *dy,
                                 const bsm_reference_path_memory *memory, double *dx,
                                 const bsm_reference_gradients *gradients);

#endif
