/* SPDX-License-Identifier: ISC */
/** The transform of bsm/stft.h and its inverse for signals of one length, on several threads, with
 *  the backward passes: the adjoint (transpose) of the inverse, and the gradient of the sum of the
 *  moduli.
 *
 *  The window may be shorter than n_fft; it is then centred in the frame, as in torch.stft.
 *  Spectra are [frame][bin][channel][re, im]. The order of every sum follows from the sizes alone,
 *  so the same input gives the same bits on any number of threads.
 *
 *  An object belongs to one thread at a time (it uses threads of its own); nothing is allocated
 *  after bsm_transform_new. */
#ifndef BSM_SIGNAL_TRANSFORM_H
#define BSM_SIGNAL_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"
#include "signal/lanes.h"

typedef struct bsm_transform bsm_transform;

typedef struct bsm_transform_options {
    size_t n_fft;  /**< at least 2 */
    size_t window; /**< 2 to n_fft */
    size_t hop;    /**< 1 to n_fft */
    size_t channels;
    size_t samples;                   /**< per channel, at least 1 */
    size_t threads;                   /**< at least 1 */
    bool inverse;                     /**< also allow bsm_transform_inverse and its adjoint */
    const bsm_lanes_kernels *kernels; /**< NULL: the best for this processor */
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

/** The backward pass of bsm_transform_inverse: from the gradient of its output to that of its
 *  input. */
void bsm_transform_inverse_adjoint(bsm_transform *transform, const float *const *gradient,
                                   float *spectrum);

/** The sum of |z| over all values z of the transform of `audio`. Its gradient with respect to
 *  `audio`, times `scale`, is added to `gradient`; where z is zero, the gradient with respect to z
 *  is taken as zero. */
double bsm_transform_moduli(bsm_transform *transform, const float *const *audio, double scale,
                            float *const *gradient);

#endif
