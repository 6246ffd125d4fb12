/* SPDX-License-Identifier: ISC */
/** Where a training stands, but for the numbers that the network itself holds. */
#ifndef BSM_TRAINER_STATE_H
#define BSM_TRAINER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/training.h"
#include "schedule.h"

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

#endif
