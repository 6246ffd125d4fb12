/* SPDX-License-Identifier: ISC */
/** Levels and sums of the sources of an example. */
#ifndef BSM_TRAINER_MIX_LEVEL_H
#define BSM_TRAINER_MIX_LEVEL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bsm_mix_source {
    float **audio; /**< [channels][samples] */
    bool target;   /**< a stem that the model separates */
    bool silent;   /**< left out */
    double gain;   /**< to be applied by bsm_mix_sum */
} bsm_mix_source;

/** Change the targets' gains so that the energy of their sum is `level` dB over that of the sum of
 *  the others; by 20 dB at most up, because what is quieter is a breath or a codec's noise, which
 *  would be neither voice nor music if it were loud. Nothing changes if either is silent. */
void bsm_mix_set_level(bsm_mix_source *sources, size_t count, size_t channels, size_t samples,
                       double level);

/** Apply the gains, and add the sources up in their order. If the sum's peak passes 1, all are
 *  made quieter together, so that nothing would clip. `mixture` is the sum to the bit. */
void bsm_mix_sum(const bsm_mix_source *sources, size_t count, size_t channels, size_t samples,
                 float *const *mixture);

#endif
