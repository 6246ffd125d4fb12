/* SPDX-License-Identifier: ISC */
/** The memory for training on the reference device, and its paths. */
#ifndef BSM_DEVICE_REFERENCE_SPACE_H
#define BSM_DEVICE_REFERENCE_SPACE_H

#include <stdint.h>

#include "device/carve.h"
#include "device/host/host.h"
#include "device/reference/backward.h"

/* T or B (docs/model.md) of one whole sequence, forward as in training, and its gradient. */

/** The memory for a sequence of up to `length` steps. A mixer's steps count in its own
 *  direction. */
typedef struct bsm_reference_path_memory {
    float *forward, *backward; /**< [length][dim] the outputs of the mixers */
    float *values;             /**< [length][step] of the mixer that ran last */
    float *states;             /**< [length + 1][state] before each step, and after the last one */
    double *dout;              /**< [length][dim] w.r.t. one mixer's output */
    double *dstate;            /**< [state] */
    double *scratch;           /**< for the backward pass of one mixer step */
} bsm_reference_path_memory;

bsm_reference_path_memory bsm_reference_path_carve(const bsm_config *config, size_t length,
                                                   bsm_carver *carver);

/** Which values of a sequence are dropped; see bsm_dropout_factor. */
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

/** Computes what it needs of the forward pass again.
 *  @param x, dy, dx  [length][dim]; dx is added to */
void bsm_reference_path_backward(const bsm_reference_path *path, const float *x, const double *dy,
                                 const bsm_reference_path_memory *memory, double *dx,
                                 const bsm_reference_gradients *gradients);

/* ---- The memory that the reference device trains in ---- */

/** One thread's memory. `length` is that of the longest sequence, of frames or of bands. */
typedef struct bsm_reference_thread {
    float *x, *y;    /**< [length][dim] a sequence before and after a path */
    double *dx, *dy; /**< [length][dim] gradients w.r.t. them */
    bsm_reference_path_memory path;
    bsm_reference_mask_values mask; /**< `values` also holds a band's normalised spectrum */
    /** `values` also holds the gradient w.r.t. that spectrum */
    bsm_reference_mask_gradients dmask;
    double *gradients; /**< of the weights of a path, or of a band's mask or split */
} bsm_reference_thread;

typedef struct bsm_reference_space {
    bsm_host host;
    float *kept;         /**< [depth][axis][band][frame][dim] the input of each path */
    float *x;            /**< [band][frame][dim] */
    double *dx;          /**< [band][frame][dim] */
    double *dfinal_norm; /**< [band][dim] */
    bsm_reference_thread *threads;
    void *block; /**< the block that contains all of these */
} bsm_reference_space;

/** Functions of bsm_training_device. */
bsm_status bsm_reference_plan(const bsm_config *config, const bsm_training_options *options,
                              bsm_training_memory *memory, bsm_error *error);
bsm_status bsm_reference_space_new(const bsm_config *config, const bsm_training_options *options,
                                   const float *parameters, void **space, bsm_error *error);
void bsm_reference_space_free(void *space);

/** Set the gradients of the part's `count` weights to zero in a thread's memory. */
void bsm_reference_clear_gradients(const bsm_reference_thread *thread, size_t count);

/** Add the sums of some threads to the gradients of the `count` weights from `first` on. */
void bsm_reference_add_gradients(const bsm_reference_space *space,
                                 const bsm_reference_thread *threads, size_t num_threads,
                                 const float *first, size_t count);

/** Modules of bsm_training_device (training_bands.c). */
bsm_status bsm_reference_train_band_split(void *space, bsm_error *error);
bsm_status bsm_reference_train_band_split_backward(void *space, bsm_error *error);
bsm_status bsm_reference_train_mask(void *space, size_t stem, bsm_error *error);
bsm_status bsm_reference_train_mask_backward(void *space, size_t stem, bsm_error *error);

#endif
