/* SPDX-License-Identifier: ISC */
/** What the plugin tells its window about the audio over the atom ports, and how the audio thread
 *  collects it. */
#ifndef BSM_PLUGIN_WATCH_H
#define BSM_PLUGIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/remix.h"

/* Once per second as long as it is open, the window sends a patch:Get for the property
 * BSM_SCENE_URI; it does not say when it closes. For BSM_SCENE_SECONDS after each of these, the
 * plugin writes objects of the type BSM_SCENE_URI to its notify port. They have one property, also
 * BSM_SCENE_URI, which is an atom:Chunk that contains a bsm_scene. Both sides are in one process,
 * or at least on one machine and of one version. */

enum {
    BSM_SCENES_PER_SECOND = 20, /**< the most scenes per second */
    BSM_SCENE_SECONDS = 3,
    BSM_SCENE_WINDOW = 1024, /**< samples in a scene */
    BSM_SCENE_FULL = 32767,  /**< a sample of full scale; louder ones are clipped to it */
};

typedef struct bsm_scene {
    float rate;        /**< sample rate of the audio in Hz */
    bsm_levels levels; /**< peaks since the last scene */
    /** the newest samples before the gains; each is the mean of both channels */
    int16_t mixture[BSM_SCENE_WINDOW], vocals[BSM_SCENE_WINDOW];
} bsm_scene;

/* ---- Collecting scenes on the audio thread while a window is open ---- */

typedef struct bsm_watch {
    size_t period, most; /**< samples: from one scene to the next, and of all after a request */
    size_t left;         /**< samples left of `most`; 0: no window is open */
    size_t due;          /**< samples until the scene is complete */
    uint64_t columns;    /**< columns of levels (bsm/remix.h) that scenes have covered so far */
    bool complete;       /**< `scene` is complete and has not been written yet */
    bsm_scene scene;
} bsm_watch;

void bsm_watch_init(bsm_watch *watch, size_t sample_rate);

/** Handle a request from a window. Audio thread. */
BSM_REALTIME void bsm_watch_ask(bsm_watch *watch);

/** Take the next `frames` separated samples of both parts, before the gains, left and right. Audio
 *  thread. */
BSM_REALTIME void bsm_watch_feed(bsm_watch *watch, const bsm_remix *remix,
                                 const float *const vocals[2], const float *const instrumental[2],
                                 size_t frames);

#endif
