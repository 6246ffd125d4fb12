/* SPDX-License-Identifier: ISC */
/** What a training may be, and a training on a device that the caller chose. */
#ifndef BSM_NET_TRAINING_H
#define BSM_NET_TRAINING_H

#include "bsm/training.h"
#include "device/device.h"

/* ---- A training on a device that the caller chose ---- */

/** Like bsm_training_new, whatever options->device is. The device must have a table for
 *  training. */
bsm_status bsm_training_new_on(const bsm_device *device, const bsm_model *initial,
                               const bsm_training_options *options, bsm_training **training,
                               bsm_error *error);

/* ---- What a training, its items and its steps may be ---- */

/** Check the options and set the number of threads. BSM_INVALID_ARGUMENT, which names the value. */
bsm_status bsm_training_options_resolve(const bsm_config *config,
                                        const bsm_training_options *options,
                                        bsm_training_options *resolved, bsm_error *error);

/** BSM_INVALID_ARGUMENT, which names the value. */
bsm_status bsm_adamw_check(const bsm_adamw *step, bsm_error *error);

#endif
