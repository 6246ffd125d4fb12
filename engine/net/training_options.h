/* SPDX-License-Identifier: ISC */
/** What a training, its items and its steps may be. */
#ifndef BSM_NET_TRAINING_OPTIONS_H
#define BSM_NET_TRAINING_OPTIONS_H

#include "bsm/training.h"

/** The options with their threads counted. BSM_INVALID_ARGUMENT, which names the value. */
bsm_status bsm_training_options_resolve(const bsm_config *config,
                                        const bsm_training_options *options,
                                        bsm_training_options *resolved, bsm_error *error);

/** BSM_INVALID_ARGUMENT, which names the value. */
bsm_status bsm_adamw_check(const bsm_adamw *step, bsm_error *error);

#endif
