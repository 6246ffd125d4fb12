/* SPDX-License-Identifier: ISC */
/** Signal to distortion ratios of a separated stem, one track at a time, in pieces.
 *
 *  uSDR: 10 log10(sum t^2 / sum (t - e)^2) over the whole track and both channels (Mitsufuji et
 * al., "Music Demixing Challenge 2021"). cSDR: the median over frames of one second of the same
 * ratio, as museval's SDR with windows and hops of one second; frames where the target or the
 * estimate is silent are left out, as there. Sparse frames: those whose target has been silent for
 * at least the two seconds before them. */
#ifndef BSM_TRAINER_METRICS_H
#define BSM_TRAINER_METRICS_H

#include "bsm/status.h"

typedef struct bsm_metrics bsm_metrics;

typedef struct bsm_sdr {
    double usdr;            /**< dB */
    double csdr;            /**< dB; NaN if no frame counts */
    double sparse_csdr;     /**< of the sparse frames; NaN if there are none */
    double silent_residual; /**< dB: energy of the estimate in frames where the target is silent,
                                 relative to full scale (mean square 1); NaN if there are none */
    size_t frames, sparse_frames, silent_frames;
} bsm_sdr;

BSM_NODISCARD bsm_status bsm_metrics_new(size_t rate, size_t channels, bsm_metrics **metrics,
                                         bsm_error *error);
void bsm_metrics_free(bsm_metrics *metrics);

/** The next samples of the target and of the estimate. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_metrics_add(bsm_metrics *metrics, const float *const *target,
                                         const float *const *estimate, size_t samples,
                                         bsm_error *error);

/** The ratios of all that was added; then start again. */
bsm_sdr bsm_metrics_finish(bsm_metrics *metrics);

#endif
