/* SPDX-License-Identifier: ISC */
/** A training on a device that the caller chose. */
#ifndef BSM_NET_TRAINING_ON_H
#define BSM_NET_TRAINING_ON_H

#include "bsm/training.h"
#include "device/device.h"

/** As bsm_training_new, whatever options->device is. The device has a table of training. */
bsm_status bsm_training_new_on(const bsm_device *device, const bsm_model *initial,
                               const bsm_training_options *options, bsm_training **training,
                               bsm_error *error);

#endif
