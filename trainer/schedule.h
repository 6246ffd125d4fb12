/* SPDX-License-Identifier: ISC */
/** How the learning rate changes in the course of a training.
 *
 *  All kinds begin with a linear warm-up. Cosine: Loshchilov and Hutter, "SGDR" (2017), without
 *  restarts. */
#ifndef BSM_TRAINER_SCHEDULE_H
#define BSM_TRAINER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum bsm_schedule_kind {
    BSM_SCHEDULE_CONSTANT, /**< as published */
    BSM_SCHEDULE_COSINE,   /**< half a cosine down to the minimum at the last step */
    BSM_SCHEDULE_PLATEAU,  /**< reduced whenever validation has not improved for a while */
} bsm_schedule_kind;

typedef struct bsm_schedule_settings {
    bsm_schedule_kind kind;
    size_t warmup_steps;
    double minimum;  /**< of the learning rate */
    double factor;   /**< factor of each reduction on a plateau */
    size_t patience; /**< validations without improvement before a reduction */
} bsm_schedule_settings;

/** The state of a schedule, which is part of a checkpoint. */
typedef struct bsm_schedule_state {
    double scale;   /**< factor of the learning rate, from plateaus */
    double best;    /**< figure of merit, higher is better; NaN: none yet */
    uint64_t waits; /**< figures since the best one or the last reduction */
} bsm_schedule_state;

bsm_schedule_state bsm_schedule_start(void);

/** The learning rate of step `step`, counted from 0, of `total`. */
double bsm_schedule_rate(const bsm_schedule_settings *settings, const bsm_schedule_state *state,
                         double learning_rate, uint64_t step, uint64_t total);

/** Report the result of a validation. Returns whether the rate was reduced. */
bool bsm_schedule_tell(const bsm_schedule_settings *settings, bsm_schedule_state *state,
                       double learning_rate, double figure);

#endif
