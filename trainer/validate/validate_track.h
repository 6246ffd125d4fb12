/* SPDX-License-Identifier: ISC */
/** Separating one track and measuring its stems. */
#ifndef BSM_TRAINER_VALIDATE_TRACK_H
#define BSM_TRAINER_VALIDATE_TRACK_H

#include "separate/plan.h"
#include "separate/separation.h"
#include "validate/validate.h"

typedef struct bsm_track_job {
    const bsm_config *config;
    bsm_separator separator;
    bsm_separate_plan plan;
    size_t num_sources;
    size_t source_of[BSM_MAX_STEMS]; /**< for each stem, the source that is its target */
    size_t num_results;              /**< the stems, and the rest if it is measured */
    double max_seconds;
    bool (*go_on)(void *user); /**< asked now and then */
    void *user;
} bsm_track_job;

/** Fill in `sdr` and `errors` of num_results results.
 *  @param seconds how much was measured */
BSM_NODISCARD bsm_status bsm_validate_track(const bsm_track_job *job, const bsm_track *track,
                                            bsm_track_result *results, double *seconds,
                                            bsm_error *error);

#endif
