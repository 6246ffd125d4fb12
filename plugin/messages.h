/* SPDX-License-Identifier: ISC */
/** What the plugin and its host say to each other: URIs, messages over the atom ports, and what a
 * saved project keeps. */
#ifndef BSM_PLUGIN_MESSAGES_H
#define BSM_PLUGIN_MESSAGES_H

#include <lv2/atom/atom.h>
#include <lv2/atom/forge.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/options/options.h>
#include <lv2/patch/patch.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>

#include "loading.h"
#include "watch.h"

/* The URIs of bsm's plugins, and all URIs mapped to numbers. BSM_LV2_URI comes from meson.build,
 *  which also puts it into the Turtle. */

#define BSM_REMIX_URI BSM_LV2_URI "remix"
#define BSM_STEMS_URI BSM_LV2_URI "stems"
#define BSM_MODEL_URI BSM_LV2_URI "model"   /**< parameter: the model file */
#define BSM_STATUS_URI BSM_LV2_URI "status" /**< parameter, read only: what became of it */
#define BSM_SCENE_URI BSM_LV2_URI "scene"   /**< what the window is told of the sound: watch.h */

typedef struct bsm_uris {
    LV2_URID plugin, model, status, scene;
    LV2_URID atom_int, atom_path, atom_string, atom_urid;
    LV2_URID max_block;
    LV2_URID patch_get, patch_set, patch_property, patch_subject, patch_value;
    LV2_URID state_changed;
} bsm_uris;

static inline bsm_uris bsm_map_uris(const LV2_URID_Map *map, const char *plugin)
{
    return (bsm_uris){
        .plugin = map->map(map->handle, plugin),
        .model = map->map(map->handle, BSM_MODEL_URI),
        .status = map->map(map->handle, BSM_STATUS_URI),
        .scene = map->map(map->handle, BSM_SCENE_URI),
        .atom_int = map->map(map->handle, LV2_ATOM__Int),
        .atom_path = map->map(map->handle, LV2_ATOM__Path),
        .atom_string = map->map(map->handle, LV2_ATOM__String),
        .atom_urid = map->map(map->handle, LV2_ATOM__URID),
        .max_block = map->map(map->handle, LV2_BUF_SIZE__maxBlockLength),
        .patch_get = map->map(map->handle, LV2_PATCH__Get),
        .patch_set = map->map(map->handle, LV2_PATCH__Set),
        .patch_property = map->map(map->handle, LV2_PATCH__property),
        .patch_subject = map->map(map->handle, LV2_PATCH__subject),
        .patch_value = map->map(map->handle, LV2_PATCH__value),
        .state_changed = map->map(map->handle, LV2_STATE__StateChanged),
    };
}

/* What the plugin and its host say to each other through the atom ports: the model file is asked
 *  for and set, and the host is told what became of it. */

typedef struct bsm_messages {
    bsm_uris uris;
    LV2_Atom_Forge forge;
    LV2_Atom_Forge_Frame sequence;
    bool chosen;                               /**< `choice` waits to be handed to the worker */
    char choice[BSM_PATH_SIZE];                /**< the model file that the host has set */
    bool watched;                              /**< a window has asked for scenes */
    bool tell_model, tell_status, tell_change; /**< the host is to be told, as soon as it fits */
} bsm_messages;

void bsm_messages_init(bsm_messages *messages, LV2_URID_Map *map, const bsm_uris *uris);

/** Understand patch:Get and patch:Set of the parameters. */
BSM_REALTIME void bsm_messages_read(bsm_messages *messages, const LV2_Atom_Sequence *control);

/** Fill the notify port with what is to be told. A scene (NULL: none) that does not fit is lost:
 * the next one is near. */
BSM_REALTIME void bsm_messages_write(bsm_messages *messages, LV2_Atom_Sequence *notify,
                                     const char *model, const char *status, const bsm_scene *scene);

/* ---- What a saved project keeps beside the control ports: the model file ---- */

LV2_State_Status bsm_state_save(bsm_loader *loader, const bsm_uris *uris,
                                LV2_State_Store_Function store, LV2_State_Handle handle,
                                const LV2_Feature *const *features);

/** Loads the model before it returns: a host that restores and then exports hears it from the first
 *  sample, and not every host has a worker here. run() goes on meanwhile. */
LV2_State_Status bsm_state_restore(bsm_loader *loader, const bsm_settings *settings,
                                   const bsm_uris *uris, LV2_State_Retrieve_Function retrieve,
                                   LV2_State_Handle handle, const LV2_Feature *const *features);

#endif
