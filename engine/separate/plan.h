/* SPDX-License-Identifier: ISC */
/** The options of a separation, checked and in samples and frames. */
#ifndef BSM_SEPARATE_PLAN_H
#define BSM_SEPARATE_PLAN_H

#include "bsm/separate.h"
#include "separate/memory.h"

typedef struct bsm_separate_plan {
    size_t window, step;      /**< samples at the model's rate */
    size_t commit, lookahead; /**< frames; commit 0: in windows */
    bsm_memory_plan memory;   /**< of blocks */
    int bits;
} bsm_separate_plan;

/** For a network of `config`; `model`, which tells what it remembers, may be NULL: all.
 *  BSM_INVALID_ARGUMENT, which names the option, BSM_BAD_MODEL. */
BSM_NODISCARD bsm_status bsm_separate_plan_make(const bsm_config *config, const bsm_model *model,
                                                const bsm_separate_options *options,
                                                bsm_separate_plan *plan, bsm_error *error);

/** Set max_frames, streaming and rolling. */
void bsm_separate_plan_network(const bsm_config *config, const bsm_separate_plan *plan,
                               bsm_network_options *network);

#endif
