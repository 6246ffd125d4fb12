/* SPDX-License-Identifier: ISC */
/** What the ways to cut up a signal see of the network, and of the signal: functions, so that tests
 *  can put something simpler there. */
#ifndef BSM_SEPARATE_SEPARATION_H
#define BSM_SEPARATE_SEPARATION_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/config.h"
#include "bsm/network.h"
#include "signal/signal.h"

/** Separates blocks, as bsm_network_run does. */
typedef struct bsm_separator {
    void *user;
    bsm_status (*run)(void *user, const bsm_block *block, bsm_error *error);
    void (*reset)(void *user);
} bsm_separator;

/** The network itself. */
bsm_separator bsm_separator_of_network(bsm_network *network);

/** What is to be separated, and into what.
 *
 *  A signal has `lanes` times config->channels channels; the lanes are separated each on its own
 *  (two, where a network of one channel meets a stereo signal). */
typedef struct bsm_separation {
    const bsm_config *config;
    bsm_separator separator;
    bsm_signal signal;
    size_t lanes;
    bool wanted[BSM_MAX_STEMS]; /**< the stems to compute */
} bsm_separation;

/** Samples that `frames` frames cover. */
size_t bsm_separation_covered(const bsm_config *config, size_t frames);

/** Channels of the signal. */
size_t bsm_separation_channels(const bsm_separation *separation);

/** Planes of the result: for each wanted stem, in the model's order, the signal's channels. */
size_t bsm_separation_planes(const bsm_separation *separation);

/** Let each wanted stem's entry point to its config->channels planes of one lane, in that order;
 * the others become NULL. */
void bsm_separation_stems(const bsm_separation *separation, float *const *planes,
                          float *const *stems[BSM_MAX_STEMS]);

#endif
