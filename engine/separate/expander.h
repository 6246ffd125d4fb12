/* SPDX-License-Identifier: ISC */
/** A downward expander (50:1) for separated stems: where one is further below the mixture than
 *  config->expander says, it is turned down by 49 further dB for each dB that it is too low. What
 *  a network takes for a faint voice in music without any is silenced so; what it finds nearby is
 *  not touched to the bit.
 *
 *  Levels are those of power averaged over 0.6 s (exponentially), over the channels of a lane.
 * Gains are known every 64 samples and reached in a straight line over 64, below -120 dB they are
 * 0. The result is delayed by 0.15 s, so that a gain rises before the voice that raises it; how it
 * is cut up makes no difference. (Zoelzer, "DAFX", 2011, chapter 4.2.) */
#ifndef BSM_SEPARATE_EXPANDER_H
#define BSM_SEPARATE_EXPANDER_H

#include "separate/separation.h"

typedef struct bsm_expander bsm_expander;

/** For the results of `separation`, whose signal becomes one that the expander has heard, too.
 *  `expander` becomes NULL where the model wants none. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_expander_new(bsm_separation *separation, bsm_expander **expander,
                                          bsm_error *error);
void bsm_expander_free(bsm_expander *expander);

/** Samples by which the result of a model is delayed; 0 where it wants no expander. */
size_t bsm_expander_delay(const bsm_config *config);

/** The next `count` samples of the result, of which at least as many have been read, become those
 *  that have waited for bsm_expander_delay samples: fewer at the start, and when the result has
 *  `ended` all that are left.
 *  @param planes as bsm_separation_planes counts them, with room for the delay behind `count`
 *  @param at     where in the planes the samples then begin
 *  @return       how many they are */
size_t bsm_expander_apply(bsm_expander *expander, float *const *planes, size_t count, bool ended,
                          float **at);

#endif
