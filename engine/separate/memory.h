/* SPDX-License-Identifier: ISC */
/** What a stream remembers, as the model's file and the options say, in frames. */
#ifndef BSM_SEPARATE_MEMORY_H
#define BSM_SEPARATE_MEMORY_H

#include "bsm/model.h"
#include "bsm/network.h"

typedef struct bsm_memory_wish {
    bsm_memory memory;
    size_t history; /**< frames, of bounded memory; 0: what the segment leaves */
    double warmup;  /**< seconds, of rolling memory; 0: chosen */
} bsm_memory_wish;

/** Both zero: the state is carried. */
typedef struct bsm_memory_plan {
    size_t history;      /**< frames before a block, of bounded memory */
    bsm_rolling rolling; /**< of bsm_network_options */
} bsm_memory_plan;

/** For blocks of `commit` frames that look `lookahead` ahead; `model` NULL: carried.
 * BSM_INVALID_ARGUMENT (a warm-up that has no room), BSM_BAD_MODEL (its metadata). */
BSM_NODISCARD bsm_status bsm_memory_plan_make(const bsm_model *model, const bsm_memory_wish *wish,
                                              size_t commit, size_t lookahead,
                                              bsm_memory_plan *plan, bsm_error *error);

#endif
