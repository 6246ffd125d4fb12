/* SPDX-License-Identifier: ISC */
/** What the tests of training share. An error fails the test. */
#ifndef BSM_TESTS_NET_TRAINING_SUPPORT_H
#define BSM_TESTS_NET_TRAINING_SUPPORT_H

#include <math.h>

#include "bsm/training.h"
#include "device/device.h"

/** Return a configuration with two stems, one channel and odd sizes, whose items take
 *  milliseconds. */
bsm_config small_config(void);

/** Return options for it: two threads and two windows. */
bsm_training_options small_options(bsm_device_kind device);

/** Add a random item of small_config. */
bsm_status add_random(bsm_training *training, uint64_t seed, double scale, bsm_loss *loss,
                      bsm_error *error);

/** Return a training that starts from untrained weights. */
bsm_training *training_of(const bsm_config *config, const bsm_training_options *options);

bsm_training *training_on(const bsm_device *device, const bsm_config *config,
                          const bsm_training_options *options);

/** Return a vector that a training holds. The caller frees it. */
float *read_vector(bsm_training *training, bsm_training_vector vector);

/** Return the published step for gradients of norm `norm`, which are clipped to 3. */
static inline bsm_adamw published_step(uint64_t number, double norm)
{
    return (bsm_adamw){.learning_rate = 5e-4,
                       .beta1 = 0.9,
                       .beta2 = 0.999,
                       .epsilon = 1e-8,
                       .weight_decay = 0.01,
                       .step = number,
                       .gradient_scale = fmin(1, 3 / (norm + 1e-6)),
                       .ema = 0.999};
}

/** Return the largest absolute value. */
static inline double largest(const float *values, size_t count)
{
    double found = 0;
    for (size_t i = 0; i < count; i++) {
        found = fmax(found, fabs((double)values[i]));
    }
    return found;
}

#endif
