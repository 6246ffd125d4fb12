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
    BSM_SCHEDULE_PLATEAU,  /**< less whenever validation has not become better for a while */
} bsm_schedule_kind;

typedef struct bsm_schedule_settings {
    bsm_schedule_kind kind;
    size_t warmup_steps;
    double minimum;  /**< learning rate */
    double factor;   /**< of each reduction on a plateau */
    size_t patience; /**< validations without a better one before a reduction */
} bsm_schedule_settings;

/** What a schedule remembers: part of a checkpoint. */
typedef struct bsm_schedule_state {
    double scale;   /**< of the learning rate, by plateaus */
    double best;    /**< figure of merit, higher is better; NaN: none yet */
    uint64_t waits; /**< figures since the best or the last reduction */
} bsm_schedule_state;

bsm_schedule_state bsm_schedule_start(void);

/** The learning rate of a step, counted from 0, of `total`. */
double bsm_schedule_rate(const bsm_schedule_settings *settings, const bsm_schedule_state *state,
                         double learning_rate, uint64_t step, uint64_t total);

/** Tell a validation's result. Returns whether the rate was reduced. */
bool bsm_schedule_tell(const bsm_schedule_settings *settings, bsm_schedule_state *state,
                       double learning_rate, double figure);

#endif
