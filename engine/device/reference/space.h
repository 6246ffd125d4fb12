/* SPDX-License-Identifier: ISC */
/** T or B (docs/model.md) of one whole sequence, forward as in training, and its gradient. */
#ifndef BSM_DEVICE_REFERENCE_SPACE_H
#define BSM_DEVICE_REFERENCE_SPACE_H

#include <stdint.h>

#include "device/carve.h"
#include "device/host/host.h"
#include "device/reference/backward.h"

/* T or B (docs/model.md) of one whole sequence, forward as in training, and its gradient. */

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

/* ---- The memory that the reference device trains in ---- */

/** What one thread works in. `length` is the longest sequence, of frames or of bands. */
typedef struct bsm_reference_thread {
    float *x, *y;    /**< [length][dim] a sequence, before a path and behind */
    double *dx, *dy; /**< [length][dim] gradients by them */
    bsm_reference_path_memory path;
    bsm_reference_mask_values mask;     /**< `values` also holds a band's normalised spectrum */
    bsm_reference_mask_gradients dmask; /**< `values` also holds the gradient by that */
    double *gradients; /**< of the weights of a path, or of a band's mask or split */
} bsm_reference_thread;

typedef struct bsm_reference_space {
    bsm_host host;
    float *kept;         /**< [depth][axis][band][frame][dim] what went into each path */
    float *x;            /**< [band][frame][dim] */
    double *dx;          /**< [band][frame][dim] */
    double *dfinal_norm; /**< [band][dim] */
    bsm_reference_thread *threads;
    void *block; /**< where all of these lie */
} bsm_reference_space;

/** As bsm_training_device has them. */
bsm_status bsm_reference_plan(const bsm_config *config, const bsm_training_options *options,
                              bsm_training_memory *memory, bsm_error *error);
bsm_status bsm_reference_space_new(const bsm_config *config, const bsm_training_options *options,
                                   const float *parameters, void **space, bsm_error *error);
void bsm_reference_space_free(void *space);

/** Set the gradients of a part's weights, the first `count` of a thread's, to zero. */
void bsm_reference_clear_gradients(const bsm_reference_thread *thread, size_t count);

/** Add what some threads summed to the gradients of the `count` weights from `first` on. */
void bsm_reference_add_gradients(const bsm_reference_space *space,
                                 const bsm_reference_thread *threads, size_t num_threads,
                                 const float *first, size_t count);

/** Modules of bsm_training_device (training_bands.c). */
bsm_status bsm_reference_train_band_split(void *space, bsm_error *error);
bsm_status bsm_reference_train_band_split_backward(void *space, bsm_error *error);
bsm_status bsm_reference_train_mask(void *space, size_t stem, bsm_error *error);
bsm_status bsm_reference_train_mask_backward(void *space, size_t stem, bsm_error *error);

#endif
