/* SPDX-License-Identifier: ISC */
/** A track to be separated: its mixture as a signal, and its sources, delayed until their estimates
 *  have come.
 *
 *  The mixture is the track's mixture file, or the sum of its sources. Of a track with a mixture
 *  file, in which one source is missing, that source is what the others leave of the mixture; any
 *  other missing source is silent. Files of other rates are resampled, mono ones are in both
 *  channels of a stereo track, and those shorter than the track end with silence; the track is as
 *  long as its mixture file, or as its longest source. Memory does not depend on its length. */
#ifndef BSM_TRAINER_TRACK_SIGNAL_H
#define BSM_TRAINER_TRACK_SIGNAL_H

#include <stdint.h>

#include "data/tracks.h"
#include "signal/signal.h"

typedef struct bsm_track_signal bsm_track_signal;

/** Open a track's files, of `num_sources` sources, at `rate` and with at least `channels` channels.
 *  @param max_seconds of the track, from its middle; 0: all
 *  BSM_NO_MEMORY and what opening and reading files reports. */
BSM_NODISCARD bsm_status bsm_track_signal_open(const bsm_track *track, size_t num_sources,
                                               size_t rate, size_t channels, double max_seconds,
                                               bsm_track_signal **signal, bsm_error *error);
void bsm_track_signal_free(bsm_track_signal *signal);

/** Channels of the mixture and of each source. */
size_t bsm_track_signal_channels(const bsm_track_signal *signal);

/** The mixture. A file of which something is missing is BSM_BAD_AUDIO; a
 *  twentieth of a second is not called so, but the log says it.
 */
bsm_signal bsm_track_signal_mixture(bsm_track_signal *signal);

/** Take `count` samples of those that have gone into the mixture, if there are so many.
 *  @param planes the mixture's channels, then each source's
 *  @return how many there were */
size_t bsm_track_signal_take(bsm_track_signal *signal, float *const *planes, size_t count);

#endif
