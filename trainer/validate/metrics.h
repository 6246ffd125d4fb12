/* SPDX-License-Identifier: ISC */
/** How far a separated stem is from its source: ratios in dB, errors by bins of the spectrum, and
 *  centre extraction for comparison. */
#ifndef BSM_TRAINER_VALIDATE_METRICS_H
#define BSM_TRAINER_VALIDATE_METRICS_H

#include <stddef.h>

#include "bsm/status.h"

/* Signal to distortion ratios of a separated stem, one track at a time, in pieces.
 *
 * All are 10 log10(sum t^2 / sum (t - e)^2) with the target t and the estimate e, over the samples
 * of all channels together; there is no filter, no scaling and no epsilon.
 *
 * uSDR: over the whole track (Mitsufuji et al., "Music Demixing Challenge 2021").
 *
 * cSDR: the median over consecutive frames of one second, from the track's start. An incomplete
 * second at the end does not count, but a track of less than a second is one frame. Frames in
 * which the target or the estimate consists of zeros are left out. This is the SDR of museval's
 * BSS Eval v4 ("images", windows and hops of one second), whose distortion filters cancel in the
 * sum of its errors. There is one difference: museval also leaves out frames in which any other of
 * its sources is silent, and it takes opposite channels for silence. As in museval, a frame that
 * is nearly silent counts, so the sources must have digital silence, as those of MUSDB18-HQ have.
 * Sources that were decoded from a lossy format may get a cSDR of -30 dB.
 *
 * Quiet frames: those whose target has a mean square below 1e-6 (-60 dB), since lossy files and
 * live recordings have no zeros. Sparse frames: those that are not quiet and follow at least two
 * quiet ones; an estimate of zeros counts there, with 0 dB, since it misses the entry. */

typedef struct bsm_metrics bsm_metrics;

typedef struct bsm_sdr {
    double usdr;        /**< dB; infinite for a perfect estimate, NaN without a target */
    double csdr;        /**< dB; NaN if no frame counts */
    double sparse_csdr; /**< the median over the sparse frames; NaN if there are none */
    /** dB: mean square of t - e over the quiet frames, relative to full scale (1); -infinite if
     *  it is zero, NaN without such frames */
    double silent_residual;
    /** the same for the median quiet frame: the loudest frames dominate silent_residual, whereas
     *  this is what remains most of the time */
    double typical_residual;
    size_t frames, sparse_frames, silent_frames; /**< frames that count for the figures above */
} bsm_sdr;

/** Make one; `rate` and `channels` are at least 1. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_metrics_new(size_t rate, size_t channels, bsm_metrics **metrics,
                                         bsm_error *error);
void bsm_metrics_free(bsm_metrics *metrics);

/** Add the next samples of the target and of the estimate, which are finite. The result does not
 *  depend on how the track is cut into pieces, to the bit. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_metrics_add(bsm_metrics *metrics, const float *const *target,
                                         const float *const *estimate, size_t samples,
                                         bsm_error *error);

/** Compute the ratios of everything that was added, and start again. */
bsm_sdr bsm_metrics_finish(bsm_metrics *metrics);

/** The mean and the median of values, which are sorted by this; NaN if there are none. */
double bsm_mean(const double *values, size_t count);
double bsm_median(double *values, size_t count);

/* The bins of the spectrum in which a separated stem is wrong, and the result of centre
 * extraction, which knows nothing about voices: one track at a time, in pieces.
 *
 * Both use short-time spectra of 4096 points, with a periodic Hann window and a hop of 1024; frame
 * f is centred on sample f * 1024, and the track is preceded and followed by silence.
 *
 * The errors are the energy of target minus estimate relative to that of the whole target, in dB,
 * each summed over the bins of one kind. A bin's energy is that of all channels together.
 * - missed: the target is more than 10 dB above the rest (the mixture minus the target);
 * - let through: the rest is more than 10 dB above the target;
 * - mixed: all other bins.
 *
 * Centre extraction takes what is in the middle for the voice: with M = (L + R) / 2 and S = (L -
 * R) / 2 of a bin, its estimate is M times clip(1 - |S| / |M|, 0, 1) from 200 Hz to 12 kHz, and
 * nothing elsewhere. It is transformed back with overlap-add (windowed again, divided by the sum
 * of squared windows), and is the same in both channels. */

typedef struct bsm_spectral_metrics bsm_spectral_metrics;

/** In dB. Without a target all are NaN; an error of zero is -infinite. */
typedef struct bsm_spectral_errors {
    double centre_usdr; /**< the uSDR of centre extraction; NaN unless stereo */
    double missed, let_through, mixed;
} bsm_spectral_errors;

/** Make one; `rate` and `channels` are at least 1. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_spectral_metrics_new(size_t rate, size_t channels,
                                                  bsm_spectral_metrics **metrics, bsm_error *error);
void bsm_spectral_metrics_free(bsm_spectral_metrics *metrics);

/** Add the next samples, which are finite. The result does not depend on how the track is cut, to
 *  the bit. */
void bsm_spectral_metrics_add(bsm_spectral_metrics *metrics, const float *const *mixture,
                              const float *const *target, const float *const *estimate,
                              size_t samples);

/** Compute the errors of everything that was added. Nothing can be added afterwards. */
bsm_spectral_errors bsm_spectral_metrics_finish(bsm_spectral_metrics *metrics);

#endif
