/* SPDX-License-Identifier: ISC */
/** The options of a separation and what a stream remembers, in samples and frames. */
#ifndef BSM_SEPARATE_PLAN_H
#define BSM_SEPARATE_PLAN_H

#include "bsm/model.h"
#include "bsm/network.h"
#include "bsm/separate.h"

/* ---- What a stream remembers, as the model's file and the options say, in frames ---- */

typedef struct bsm_memory_wish {
    bsm_memory memory;
    size_t history; /**< frames of bounded memory; 0: as many as the segment leaves */
    double warmup;  /**< seconds of rolling memory; 0: the default */
} bsm_memory_wish;

/** If both are zero, the state is carried. */
typedef struct bsm_memory_plan {
    size_t history;      /**< bounded memory: frames before a block */
    bsm_rolling rolling; /**< rolling memory: as in bsm_network_options */
} bsm_memory_plan;

/** Plan the memory for blocks of `commit` frames with `lookahead` frames. Without a `model` (NULL)
 *  the state is carried. BSM_INVALID_ARGUMENT (a warm-up that has no room), BSM_BAD_MODEL (its
 *  metadata). */
BSM_NODISCARD bsm_status bsm_memory_plan_make(const bsm_model *model, const bsm_memory_wish *wish,
                                              size_t commit, size_t lookahead,
                                              bsm_memory_plan *plan, bsm_error *error);

/* ---- The options of a separation ---- */

typedef struct bsm_separate_plan {
    size_t window, step;      /**< samples at the model's rate */
    size_t commit, lookahead; /**< frames; a commit of 0: in windows */
    bsm_memory_plan memory;   /**< memory of blocks */
    int bits;
} bsm_separate_plan;

/** Make the plan for a network of `config`. `model` says what it remembers; if it is NULL, the
 *  state is carried. BSM_INVALID_ARGUMENT, which names the option, BSM_BAD_MODEL. */
BSM_NODISCARD bsm_status bsm_separate_plan_make(const bsm_config *config, const bsm_model *model,
                                                const bsm_separate_options *options,
                                                bsm_separate_plan *plan, bsm_error *error);

/** Set max_frames, streaming and rolling as the plan needs them. */
void bsm_separate_plan_network(const bsm_config *config, const bsm_separate_plan *plan,
                               bsm_network_options *network);

#endif
