/* SPDX-License-Identifier: ISC */
/** The state of a training, without the numbers that the network itself holds, and its memory. */
#ifndef BSM_TRAINER_RUN_STATE_H
#define BSM_TRAINER_RUN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/training.h"
#include "schedule.h"

/* ---- The state of a training, without the numbers that the network itself holds ---- */

/** A sum of losses and of the figures beside them. */
typedef struct bsm_loss_sum {
    bsm_loss loss;
    double norm;  /**< norms of the gradients, before clipping */
    double count; /**< how many were added: items of a step, or steps of an epoch */
} bsm_loss_sum;

typedef struct bsm_state {
    uint64_t epoch;      /**< finished epochs */
    uint64_t epoch_step; /**< finished steps of the current epoch */
    uint64_t step;       /**< finished steps in total */
    uint64_t updates;    /**< steps that changed the weights; the others were skipped */
    uint64_t skipped_in_row;
    uint64_t examples; /**< examples drawn in total, by all processes */
    /** how many of these belong to the unfinished step, whose gradients are kept */
    uint64_t step_items;
    double best; /**< the highest uSDR of a validation in dB; NaN: none yet */
    bsm_schedule_state schedule;
    bsm_loss_sum step_sum, epoch_sum;
} bsm_state;

bsm_state bsm_state_start(void);

void bsm_loss_sum_add(bsm_loss_sum *sum, const bsm_loss *loss);

/** The mean of the values that were added. */
bsm_loss bsm_loss_sum_mean(const bsm_loss_sum *sum);

/** Convert to JSON, for cJSON_free; NULL when out of memory. All numbers are restored to the
 *  bit. */
char *bsm_state_format(const bsm_state *state);

/** Read such a text. BSM_BAD_MODEL if it is not valid; BSM_NO_MEMORY. */
bsm_status bsm_state_parse(const char *text, bsm_state *state);

/* ---- Whether a training fits into the machine's memory ---- */

/** The bytes that this process could still allocate: what the system says is available, limited by
 *  the control groups of this process. UINT64_MAX if neither gives a figure. */
uint64_t bsm_memory_available(void);

/** The bytes of physical memory that this process uses now; 0 if the system does not say. */
uint64_t bsm_memory_resident(void);

/** What a process of a training needs. */
typedef struct bsm_memory_need {
    bsm_training_memory training;
    size_t program; /**< in the host's memory: everything else */
} bsm_memory_need;

/** Describe the need: "needs 6.1 GB: 0.9 of parameters, 4.0 kept from forward to backward, 1.2 of
 *  scratch, 0.1 of the program and its examples". */
void bsm_memory_format(const bsm_memory_need *need, char *text, size_t size);

/** BSM_NO_MEMORY, with advice on what to change, if `processes` of these do not fit into
 *  `available`. */
BSM_NODISCARD bsm_status bsm_memory_check(const bsm_memory_need *need, size_t processes,
                                          uint64_t available, bsm_error *error);

#endif
