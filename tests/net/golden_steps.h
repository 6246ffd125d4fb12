/* SPDX-License-Identifier: ISC */
/** Three golden steps of training the tiny model (tests/data/train*.safetensors): the loss's terms
 *  and the gradients' norm of each, every gradient of the first, weights and averages after the
 *  last. Without cmocka and without a library that reads tensors, so that machines that have little
 *  can run them, too: who asks for the steps has both. */
#ifndef BSM_TESTS_NET_GOLDEN_STEPS_H
#define BSM_TESTS_NET_GOLDEN_STEPS_H

#include <stdbool.h>

#include "bsm/training.h"

enum { GOLDEN_SAMPLES = 13230 };

typedef struct golden_steps {
    bsm_training *training; /**< of the preset "tiny", untrained, with items of GOLDEN_SAMPLES and
                                 the published loss */
    const void *steps;      /**< train.safetensors */
    const void *gradients;  /**< train.gradients.safetensors */

    /** The numbers of a tensor of either file, and how many; NULL if it is not there. */
    const float *(*find)(const void *file, const char *name, size_t *count);

    /** Told what is wrong. If it returns, so does golden_steps_run soon after. */
    void (*wrong)(const char *text);

    double loss_tolerance, norm_tolerance; /**< relative */
    bool each_number; /**< gradients, weights and averages, too: for float32 only, where every
                           gradient is within 1e-4 of the largest of its tensor */

    /** Out: the largest errors of what was compared, as measured for these tolerances. */
    double worst_loss, worst_norm, worst_gradient, worst_weight;
} golden_steps;

void golden_steps_run(golden_steps *golden);

#endif
