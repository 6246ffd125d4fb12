/* SPDX-License-Identifier: ISC */
/** Separates one track and measures its stems. */
#ifndef BSM_TRAINER_VALIDATE_VALIDATE_TRACK_H
#define BSM_TRAINER_VALIDATE_VALIDATE_TRACK_H

#include <stdint.h>

#include "data/tracks.h"
#include "separate/plan.h"
#include "separate/separation.h"
#include "signal/signal.h"
#include "validate/validate.h"

/* A track to be separated: its mixture as a signal, and its sources, delayed until their estimates
 * are there.
 *
 * The mixture is the track's mixture file, or the sum of its sources. If a track has a mixture
 * file and lacks one source, that source is what the others leave of the mixture; any other
 * missing source is silent. Files of other rates are resampled, mono files go to both channels of
 * a stereo track, and files shorter than the track are padded with silence; the track is as long
 * as its mixture file, or as its longest source. Memory does not depend on its length. */

typedef struct bsm_track_signal bsm_track_signal;

/** Open a track's files, with `num_sources` sources, at `rate` and with at least `channels`
 *  channels.
 *  @param max_seconds of the track, from its middle; 0: all
 *  BSM_NO_MEMORY, and the errors of opening and reading files. */
BSM_NODISCARD bsm_status bsm_track_signal_open(const bsm_track *track, size_t num_sources,
                                               size_t rate, size_t channels, double max_seconds,
                                               bsm_track_signal **signal, bsm_error *error);
void bsm_track_signal_free(bsm_track_signal *signal);

/** The number of channels of the mixture and of each source. */
size_t bsm_track_signal_channels(const bsm_track_signal *signal);

/** The mixture. A file that is incomplete gives BSM_BAD_AUDIO, but if at most a twentieth of a
 *  second is missing, only the log says so. */
bsm_signal bsm_track_signal_mixture(bsm_track_signal *signal);

/** Take `count` samples of those that have gone into the mixture, if there are so many.
 *  @param planes the mixture's channels, then each source's
 *  @return how many there were */
size_t bsm_track_signal_take(bsm_track_signal *signal, float *const *planes, size_t count);

/* ---- Separating one track and measuring its stems ---- */

typedef struct bsm_track_job {
    const bsm_config *config;
    bsm_separator separator;
    bsm_separate_plan plan;
    size_t num_sources;
    /** for each stem, the index of the source that is its target */
    size_t source_of[BSM_MAX_STEMS];
    size_t num_results; /**< the stems, and the rest if it is measured */
    double max_seconds;
    bool (*go_on)(void *user); /**< called now and then */
    void *user;
} bsm_track_job;

/** Fill in `sdr` and `errors` of num_results results.
 *  @param seconds how much was measured */
BSM_NODISCARD bsm_status bsm_validate_track(const bsm_track_job *job, const bsm_track *track,
                                            bsm_track_result *results, double *seconds,
                                            bsm_error *error);

#endif
