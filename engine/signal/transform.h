/* SPDX-License-Identifier: ISC */
/** The transform of bsm/stft.h and its inverse for signals of one length, on several threads, with
 *  what takes gradients back through them: the adjoint (transpose) of the inverse, and the gradient
 *  of the sum of the moduli.
 *
 *  The window may be shorter than n_fft: it lies in its middle then, as in torch.stft. Spectra are
 *  [frame][bin][channel][re, im]. Every sum is made in an order that follows from the sizes alone,
 *  so that the same input gives the same bits on any number of threads.
 *
 *  An object belongs to one thread at a time (it starts its own); nothing is allocated after
 *  bsm_transform_new. */
#ifndef BSM_SIGNAL_TRANSFORM_H
#define BSM_SIGNAL_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"
#include "signal/lanes.h"

typedef struct bsm_transform bsm_transform;

typedef struct bsm_transform_options {
    size_t n_fft;  /**< from 2 */
    size_t window; /**< 2 to n_fft */
    size_t hop;    /**< 1 to n_fft */
    size_t channels;
    size_t samples;                   /**< per channel, from 1 */
    size_t threads;                   /**< from 1 */
    bool inverse;                     /**< also bsm_transform_inverse and its adjoint */
    const bsm_lanes_kernels *kernels; /**< NULL: the best for the processor */
} bsm_transform_options;

/** BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_transform_new(const bsm_transform_options *options,
                                           bsm_transform **transform, bsm_error *error);
void bsm_transform_free(bsm_transform *transform);

/** Bytes that such an object takes. */
size_t bsm_transform_bytes(const bsm_transform_options *options);

/** 1 + samples / hop */
size_t bsm_transform_frames(const bsm_transform *transform);

/** @param audio per channel `samples` floats, as in all functions below */
void bsm_transform_forward(bsm_transform *transform, const float *const *audio, float *spectrum);

/** As bsm_stft_inverse, to float32's accuracy. */
void bsm_transform_inverse(bsm_transform *transform, const float *spectrum, float *const *audio);

/** Gradient by what bsm_transform_inverse gives -> by what went into it. */
void bsm_transform_inverse_adjoint(bsm_transform *transform, const float *const *gradient,
                                   float *spectrum);

/** The sum of |z| over all values z of the transform of `audio`. Its gradient by `audio`, times
 *  `scale`, is added to `gradient`; where z is zero, the gradient by z is zero. */
double bsm_transform_moduli(bsm_transform *transform, const float *const *audio, double scale,
                            float *const *gradient);

#endif
