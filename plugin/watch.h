/* SPDX-License-Identifier: ISC */
/** The data about the audio that the plugin sends to its window over the atom ports, and how the
 *  audio thread copies it. */
#ifndef BSM_PLUGIN_WATCH_H
#define BSM_PLUGIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/remix.h"

/* What the plugin tells its window of the sound, over the atom ports.
 *
 *  The window asks by patch:Get of the property BSM_SCENE_URI, once a second while it is open, and
 * may vanish without a word. For BSM_SCENE_SECONDS after that the plugin writes objects of the type
 *  BSM_SCENE_URI to its notify port, with one property of that name, too: an atom:Chunk with a
 *  bsm_scene. Both sides are of one process, or at least of one machine and one version. */

enum {
    BSM_SCENES_PER_SECOND = 20, /**< at most */
    BSM_SCENE_SECONDS = 3,
    BSM_SCENE_WINDOW = 1024, /**< samples */
    BSM_SCENE_FULL = 32767,  /**< a sample of full scale; louder ones are cut */
};

typedef struct bsm_scene {
    float rate;        /**< sample rate of the audio, Hz */
    bsm_levels levels; /**< the peaks since the last scene */
    /** The newest samples before the gains: the mean of both channels. */
    int16_t mixture[BSM_SCENE_WINDOW], vocals[BSM_SCENE_WINDOW];
} bsm_scene;

/* ---- Copies for the window, while one is open, what goes by on the audio thread ---- */

typedef struct bsm_watch {
    size_t period, most; /**< samples from scene to scene, and after the last request */
    size_t left;         /**< samples until the last request expires; 0: no window is open */
    size_t due;          /**< samples until the scene is complete */
    uint64_t columns;    /**< the number of levels that were sent */
    bool complete;       /**< `scene` is complete, and has not been sent */
    bsm_scene scene;
} bsm_watch;

void bsm_watch_init(bsm_watch *watch, size_t sample_rate);

/** A window has asked for scenes. */
BSM_REALTIME void bsm_watch_ask(bsm_watch *watch);

/** Add `frames` samples of both separated parts, before the gains. */
BSM_REALTIME void bsm_watch_feed(bsm_watch *watch, const bsm_remix *remix,
                                 const float *const vocals[2], const float *const instrumental[2],
                                 size_t frames);

#endif
