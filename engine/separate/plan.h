/* SPDX-License-Identifier: ISC */
/** The options of a separation, checked and in samples and frames. */
#ifndef BSM_SEPARATE_PLAN_H
#define BSM_SEPARATE_PLAN_H

#include "bsm/config.h"
#include "bsm/separate.h"

typedef struct bsm_separate_plan {
    size_t window, step;      /**< samples at the model's rate */
    size_t commit, lookahead; /**< frames; commit 0: in windows */
    size_t history;           /**< frames of bsm_block_shape: 0, which may be changed */
    int bits;
} bsm_separate_plan;

/** BSM_INVALID_ARGUMENT, which names the option. */
BSM_NODISCARD bsm_status bsm_separate_plan_make(const bsm_config *config,
                                                const bsm_separate_options *options,
                                                bsm_separate_plan *plan, bsm_error *error);

/** The frames of its longest window or block: bsm_network_options.max_frames. */
size_t bsm_separate_plan_frames(const bsm_config *config, const bsm_separate_plan *plan);

#endif
