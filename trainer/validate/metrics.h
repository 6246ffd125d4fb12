/* SPDX-License-Identifier: ISC */
/** How far a separated stem is from its source: ratios in dB, errors by bins of the spectrum, and
 * centre extraction to compare with. */
#ifndef BSM_TRAINER_VALIDATE_METRICS_H
#define BSM_TRAINER_VALIDATE_METRICS_H

#include <stddef.h>

#include "bsm/status.h"

/* Signal to distortion ratios of a separated stem, one track at a time, in pieces.
 *
 *  All are 10 log10(sum t^2 / sum (t - e)^2) with the target t and the estimate e, over the samples
 *  of all channels together; there is no filter, no scale and no epsilon.
 *
 *  uSDR: over the whole track (Mitsufuji et al., "Music Demixing Challenge 2021").
 *
 *  cSDR: the median over frames of one second, one after the other from the track's start. What is
 *  left of a second at the end does not count, but a track of less than a second is one frame.
 *  Frames in which the target or the estimate is nothing but zeros are left out. This is the SDR of
 *  museval's BSS Eval v4 ("images", windows and hops of one second), whose distortion filters
 *  cancel in the sum of its errors. Where it differs: museval also leaves a frame out in which any
 *  other of the sources that it is given is silent, and it takes opposite channels for silence. As
 *  there, a frame that is nearly silent counts: the sources must have real silence, as those of
 *  MUSDB18-HQ have. Those that were decoded from a lossy format may get a cSDR of -30 dB.
 *
 *  Quiet frames: those whose target has a mean square below 1e-6 (-60 dB), since lossy files and
 *  live recordings have no zeros. Sparse frames: those that are not quiet and come after at least
 *  two quiet ones; an estimate of zeros counts there, with 0 dB, since it misses the entry. */

typedef struct bsm_metrics bsm_metrics;

typedef struct bsm_sdr {
    double usdr;             /**< dB; infinite for a perfect estimate, NaN without a target */
    double csdr;             /**< dB; NaN if no frame counts */
    double sparse_csdr;      /**< the median over the sparse frames; NaN if there are none */
    double silent_residual;  /**< dB: mean square of t - e over the quiet frames, relative to full
                                  scale (1); -infinite if there is none left, NaN without such
                                  frames */
    double typical_residual; /**< the same of the median quiet frame: silent_residual is what the
                                  loudest leave, this what is left most of the time */
    size_t frames, sparse_frames, silent_frames; /**< that count for the ones above */
} bsm_sdr;

/** `rate` and `channels` are at least 1. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_metrics_new(size_t rate, size_t channels, bsm_metrics **metrics,
                                         bsm_error *error);
void bsm_metrics_free(bsm_metrics *metrics);

/** The next samples of the target and of the estimate, which are finite. The result does not depend
 *  on how the track is cut into pieces, to the bit. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_metrics_add(bsm_metrics *metrics, const float *const *target,
                                         const float *const *estimate, size_t samples,
                                         bsm_error *error);

/** The ratios of all that was added; then start again. */
bsm_sdr bsm_metrics_finish(bsm_metrics *metrics);

/** The mean and the median of values, which get sorted; NaN if there are none. */
double bsm_mean(const double *values, size_t count);
double bsm_median(double *values, size_t count);

/* In which bins of its spectrum a separated stem is wrong, and how well centre extraction, which
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
