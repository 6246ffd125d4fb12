/* SPDX-License-Identifier: ISC */
/** Where a training stands, but for the numbers that the network itself holds. */
#ifndef BSM_TRAINER_RUN_STATE_H
#define BSM_TRAINER_RUN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/training.h"
#include "schedule.h"

/* ---- Where a training stands, but for the numbers that the network itself holds ---- */

/** A sum of losses and of what goes with them. */
typedef struct bsm_loss_sum {
    bsm_loss loss;
    double norm;  /**< of the gradients, before clipping */
    double count; /**< of what was added: items of a step, or steps of an epoch */
} bsm_loss_sum;

typedef struct bsm_state {
    uint64_t epoch;      /**< epochs finished */
    uint64_t epoch_step; /**< steps finished of the one in work */
    uint64_t step;       /**< steps finished in all */
    uint64_t updates;    /**< steps that moved the weights; the others were skipped */
    uint64_t skipped_in_row;
    uint64_t examples;   /**< drawn in all, by all processes */
    uint64_t step_items; /**< of them, those of the step in work: their gradients are held */
    double best;         /**< validation's highest uSDR, dB; NaN: none yet */
    bsm_schedule_state schedule;
    bsm_loss_sum step_sum, epoch_sum;
} bsm_state;

bsm_state bsm_state_start(void);

void bsm_loss_sum_add(bsm_loss_sum *sum, const bsm_loss *loss);

/** The mean of what was added. */
bsm_loss bsm_loss_sum_mean(const bsm_loss_sum *sum);

/** As JSON, for cJSON_free; NULL when out of memory. All numbers come back to the bit. */
char *bsm_state_format(const bsm_state *state);

/** BSM_BAD_MODEL if it is not such a text; BSM_NO_MEMORY. */
bsm_status bsm_state_parse(const char *text, bsm_state *state);

/* ---- Whether a training fits into the machine's memory ---- */

/** Bytes that this process could still get: what the system says is available, and what the control
 *  groups that it is in leave. UINT64_MAX where neither says anything. */
uint64_t bsm_memory_available(void);

/** Bytes of physical memory that this process holds now; 0 if the system does not say. */
uint64_t bsm_memory_resident(void);

/** What a process of a training needs. */
typedef struct bsm_memory_need {
    bsm_training_memory training;
    size_t program; /**< in the host's memory: everything else */
} bsm_memory_need;

/** "needs 6.1 GB: 0.9 of parameters, 4.0 kept from forward to backward, 1.2 of scratch, 0.1 of the
 *  program and its examples". */
void bsm_memory_format(const bsm_memory_need *need, char *text, size_t size);

/** BSM_NO_MEMORY, with what to change, if `processes` of these do not fit into `available`. */
BSM_NODISCARD bsm_status bsm_memory_check(const bsm_memory_need *need, size_t processes,
                                          uint64_t available, bsm_error *error);

#endif
