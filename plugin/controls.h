/* SPDX-License-Identifier: ISC */
/** From the control ports to what is heard: gains, mute and bypass, without a click. */
#ifndef BSM_PLUGIN_CONTROLS_H
#define BSM_PLUGIN_CONTROLS_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/attributes.h"

/** A value that moves in a straight line to its target, sample by sample. */
typedef struct bsm_ramp {
    float value, target, step;
    size_t left; /**< samples until the target */
} bsm_ramp;

typedef struct bsm_controls {
    size_t length; /**< samples of a ramp: 20 ms */
    bool started;  /**< before it, values jump to their targets */
    float vocals_db, instrumental_db;
    bsm_ramp vocals, instrumental; /**< factors */
    bsm_ramp bypass;               /**< 1: the delayed input is heard */
} bsm_controls;

/** The separated sound of one call. */
typedef struct bsm_parts {
    const float *vocals[2];
    const float *instrumental[2];
} bsm_parts;

void bsm_controls_init(bsm_controls *controls, size_t sample_rate);

/** The next values jump, as at the start. */
BSM_REALTIME void bsm_controls_restart(bsm_controls *controls);

/** Take the ports' values for the samples that follow. What is not a number counts as mute. */
BSM_REALTIME void bsm_controls_set(bsm_controls *controls, float vocals_db, float instrumental_db,
                                   bool enabled);

/** Remix: both parts together. The sum of the parts is the delayed input, so that is what bypass
 *  and gains of 0 dB give. */
BSM_REALTIME void bsm_controls_remix(bsm_controls *controls, const bsm_parts *in,
                                     float *const out[2], size_t frames);

/** Stems: each part to its own outputs. Bypass gives the delayed input as the instrumental. */
BSM_REALTIME void bsm_controls_stems(bsm_controls *controls, const bsm_parts *in,
                                     float *const vocals[2], float *const instrumental[2],
                                     size_t frames);

#endif
