/* SPDX-License-Identifier: ISC */
/** Three golden steps of training the tiny model (tests/data/train*.safetensors): the terms of the
 *  loss and the norm of the gradients of each step, every gradient of the first, and weights and
 *  averages after the last. The code needs neither cmocka nor a library that reads tensors, so that
 *  it can run on machines that have little; the caller provides functions for both. */
#ifndef BSM_TESTS_NET_GOLDEN_STEPS_H
#define BSM_TESTS_NET_GOLDEN_STEPS_H

#include <stdbool.h>

#include "bsm/training.h"

enum { GOLDEN_SAMPLES = 13230 };

typedef struct golden_steps {
    /** of the preset "tiny", untrained, with items of GOLDEN_SAMPLES and the published loss */
    bsm_training *training;
    const void *steps;     /**< train.safetensors */
    const void *gradients; /**< train.gradients.safetensors */

    /** Returns the numbers of a tensor in either file, and how many there are; NULL if it does not
     *  exist. */
    const float *(*find)(const void *file, const char *name, size_t *count);

    /** Receives what is wrong. If it returns, golden_steps_run returns soon after. */
    void (*wrong)(const char *text);

    double loss_tolerance, norm_tolerance; /**< relative */
    /** also compare gradients, weights and averages; only for float32, where every gradient is
     *  within 1e-4 of the largest of its tensor */
    bool each_number;

    /** Output: the largest errors found, as measured for these tolerances. */
    double worst_loss, worst_norm, worst_gradient, worst_weight;
} golden_steps;

void golden_steps_run(golden_steps *golden);

#endif
