/* SPDX-License-Identifier: ISC */
/** In which bins of its spectrum a separated stem is wrong, and how well centre extraction, which
 *  knows no voice, would have done: one track at a time, in pieces.
 *
 *  All in short-time spectra of 4096 points, periodic Hann window, hop 1024, frame f centred on
 *  sample f * 1024, with silence before the track and behind it.
 *
 *  The errors: the energy of target less estimate over that of the whole target, in dB, each summed
 *  over the bins of one kind. A bin's energy is that of all channels together.
 *  - missed: where the target is more than 10 dB over the rest (the mixture less the target);
 *  - let through: where the rest is more than 10 dB over the target;
 *  - mixed: everywhere else.
 *
 *  Centre extraction takes what is in the middle for the voice: with M = (L + R) / 2 and
 *  S = (L - R) / 2 of a bin, M times clip(1 - |S| / |M|, 0, 1) from 200 Hz to 12 kHz, nothing
 *  elsewhere, transformed back with overlap-add (windowed again, over the sum of squared windows),
 *  the same in both channels. */
#ifndef BSM_TRAINER_SPECTRAL_METRICS_H
#define BSM_TRAINER_SPECTRAL_METRICS_H

#include <stddef.h>

#include "bsm/status.h"

typedef struct bsm_spectral_metrics bsm_spectral_metrics;

/** dB. Without a target all are NaN; an error of nothing is -infinite. */
typedef struct bsm_spectral_errors {
    double centre_usdr; /**< the uSDR (metrics.h) of centre extraction; NaN but in stereo */
    double missed, let_through, mixed;
} bsm_spectral_errors;

/** `rate` and `channels` are at least 1. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_spectral_metrics_new(size_t rate, size_t channels,
                                                  bsm_spectral_metrics **metrics, bsm_error *error);
void bsm_spectral_metrics_free(bsm_spectral_metrics *metrics);

/** The next samples, finite. The result does not depend on how the track is cut, to the bit. */
void bsm_spectral_metrics_add(bsm_spectral_metrics *metrics, const float *const *mixture,
                              const float *const *target, const float *const *estimate,
                              size_t samples);

/** The errors over all that was added. Nothing can be added afterwards. */
bsm_spectral_errors bsm_spectral_metrics_finish(bsm_spectral_metrics *metrics);

#endif
