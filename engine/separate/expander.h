/* SPDX-License-Identifier: ISC */
/** A downward expander (3:1) for separated stems: where one is further below the mixture than
 *  config->expander says, it is turned down by two further dB for each dB that it is too low. What
 *  a network takes for a faint voice in music without any is silenced so; what it finds nearby is
 *  not touched to the bit.
 *
 *  Levels are those of power averaged over the last 0.2 s (exponentially), over the channels of a
 *  lane. Gains are known every 64 samples and reached in a straight line over the next 64, below
 *  -120 dB they are 0: nothing is delayed, and how the result is cut up makes no difference. The
 *  first 64 samples of a result are as they come. (Zoelzer, "DAFX", 2011, chapter 4.2.) */
#ifndef BSM_SEPARATE_EXPANDER_H
#define BSM_SEPARATE_EXPANDER_H

#include "separate/separation.h"

typedef struct bsm_expander bsm_expander;

/** For the results of `separation`, whose signal becomes one that the expander has heard, too.
 *  `expander` becomes NULL where the model wants none. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_expander_new(bsm_separation *separation, bsm_expander **expander,
                                          bsm_error *error);
void bsm_expander_free(bsm_expander *expander);

/** The next `count` samples of the result, of which at least as many have been read.
 *  @param planes as bsm_separation_planes counts them */
void bsm_expander_apply(bsm_expander *expander, float *const *planes, size_t count);

#endif
