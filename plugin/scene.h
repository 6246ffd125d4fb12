/* SPDX-License-Identifier: ISC */
/** What the plugin tells its window of the sound, over the atom ports.
 *
 *  The window asks by patch:Get of the property BSM_SCENE_URI, once a second while it is open, and
 * may vanish without a word. For BSM_SCENE_SECONDS after that the plugin writes objects of the type
 *  BSM_SCENE_URI to its notify port, with one property of that name, too: an atom:Chunk with a
 *  bsm_scene. Both sides are of one process, or at least of one machine and one version. */
#ifndef BSM_PLUGIN_SCENE_H
#define BSM_PLUGIN_SCENE_H

#include <stdint.h>

#include "bsm/remix.h"

enum {
    BSM_SCENES_PER_SECOND = 20, /**< at most */
    BSM_SCENE_SECONDS = 3,
    BSM_SCENE_WINDOW = 1024, /**< samples */
    BSM_SCENE_FULL = 32767,  /**< a sample of full scale; louder ones are cut */
};

typedef struct bsm_scene {
    float rate;        /**< of the sound, Hz */
    bsm_levels levels; /**< peaks since the last scene */
    /** The newest samples before the gains, the mean of both channels. */
    int16_t mixture[BSM_SCENE_WINDOW], vocals[BSM_SCENE_WINDOW];
} bsm_scene;

#endif
