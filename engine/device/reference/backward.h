/* SPDX-License-Identifier: ISC */
/** The gradients of the equations in modules.h, in plain C. Values are floats, as computed
 *  forward; gradients are doubles. `dv` is the gradient of the loss w.r.t. v, and has v's shape.
 *  Functions read the gradients w.r.t. a module's output, and add to those w.r.t. its input and
 *  its weights. */
#ifndef BSM_REFERENCE_BACKWARD_H
#define BSM_REFERENCE_BACKWARD_H

#include "device/reference/modules.h"

/** Gradients of weights that lie next to each other, as in the vectors of bsm/training.h. */
typedef struct bsm_reference_gradients {
    const float *weights; /**< the first of the weights */
    double *values;       /**< its gradient */
} bsm_reference_gradients;

static inline double *bsm_reference_gradient(const bsm_reference_gradients *gradients,
                                             const float *weight)
{
    return gradients->values + (weight - gradients->weights);
}

/** @param x           the input
 *  @param dx, dbias   NULL if not needed */
void bsm_reference_linear_backward(size_t in, size_t out, const float *x, const float *weight,
                                   const double *dy, double *dx, double *dweight, double *dbias);

void bsm_reference_rms_norm_backward(size_t n, const float *x, const float *weight,
                                     const double *dy, double *dx, double *dweight);

/** @param dx  NULL if not needed */
void bsm_reference_l2_norm_backward(size_t n, const float *x, const float *gamma, const double *dy,
                                    double *dx, double *dgamma);

/** One direction's half of the merge, y = W (v + x); `weight` is [dim][dim], in x out. */
void bsm_reference_merge_half_backward(size_t dim, const float *weight, const float *v,
                                       const float *x, const double *dy, double *dv, double *dx,
                                       double *dweight);

/** The inputs of a scan step, and its output. */
typedef struct bsm_reference_scan_values {
    const float *x;              /**< [heads][headdim] */
    const float *dt, *A, *D;     /**< [heads] */
    const float *B, *C;          /**< [d_state] */
    const float *before, *after; /**< S, [heads][headdim][d_state] */
} bsm_reference_scan_values;

typedef struct bsm_reference_scan_gradients {
    double *x, *dt, *A, *D, *B, *C; /**< added to */
    double *S; /**< in: w.r.t. the state after the step; out: w.r.t. the state before it */
} bsm_reference_scan_gradients;

void bsm_reference_scan_step_backward(const bsm_config *config, const bsm_reference_scan_values *v,
                                      const double *dy, const bsm_reference_scan_gradients *d);

/** Doubles of scratch memory that the backward pass of one mixer step needs. */
size_t bsm_reference_step_backward_size(const bsm_config *config);

/** What the forward pass of a mixer step keeps. */
typedef struct bsm_reference_kept_step {
    bsm_reference_step values;
    const float *x;              /**< [dim] the input */
    const float *before, *after; /**< the mixer's state */
} bsm_reference_kept_step;

/** @param dstate  in: w.r.t. the state after the step; out: w.r.t. the state before it */
void bsm_reference_mixer_step_backward(const bsm_config *config, const bsm_mixer_weights *weights,
                                       const bsm_reference_kept_step *kept, const double *dout,
                                       double *scratch, double *dstate, double *dx,
                                       const bsm_reference_gradients *gradients);

/** One band of one frame of the band split.
 *  @param normed [features], dnormed [features]  scratch */
void bsm_reference_split_band_backward(size_t dim, size_t features, const bsm_band_weights *weights,
                                       const float *spectrum, const double *dx, float *normed,
                                       double *dnormed, const bsm_reference_gradients *gradients);

/** Scratch memory for bsm_reference_mask_frame_backward; sizes as in bsm_reference_mask_values. */
typedef struct bsm_reference_mask_gradients {
    double *normed, *hidden, *values;
} bsm_reference_mask_gradients;

/** One frame of one band of a stem.
 *  @param v            the values that bsm_reference_mask_frame computed
 *  @param gradients    of the mask's own weights
 *  @param dfinal_norm  [dim] */
void bsm_reference_mask_frame_backward(const bsm_reference_mask *mask, const float *x,
                                       const float *mixture, const bsm_reference_mask_values *v,
                                       const float *dmasked,
                                       const bsm_reference_mask_gradients *scratch, double *dx,
                                       const bsm_reference_gradients *gradients,
                                       double *dfinal_norm);

#endif
