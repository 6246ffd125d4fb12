/* SPDX-License-Identifier: ISC */
/** Copies for the window, while one is open, what goes by on the audio thread. */
#ifndef BSM_PLUGIN_WATCH_H
#define BSM_PLUGIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "scene.h"

typedef struct bsm_watch {
    size_t period, most; /**< samples from scene to scene, and after the last asking */
    size_t left;         /**< samples until nobody watches any more; 0: nobody does */
    size_t due;          /**< samples until the scene is complete */
    uint64_t columns;    /**< of levels that were told */
    bool complete;       /**< `scene` is, and was not told */
    bsm_scene scene;
} bsm_watch;

void bsm_watch_init(bsm_watch *watch, size_t sample_rate);

/** Somebody asks. */
BSM_REALTIME void bsm_watch_ask(bsm_watch *watch);

/** What is separated, before the gains: `frames` samples of both. */
BSM_REALTIME void bsm_watch_feed(bsm_watch *watch, const bsm_remix *remix,
                                 const float *const vocals[2], const float *const instrumental[2],
                                 size_t frames);

#endif
