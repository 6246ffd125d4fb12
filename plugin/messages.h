/* SPDX-License-Identifier: ISC */
/** The communication of the plugin with its host: URIs, messages over the atom ports, and the state
 *  in a saved project. */
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

/* The URIs of the plugins, and all URIs mapped to numbers. BSM_LV2_URI is defined in meson.build,
 * which also writes it into the Turtle files. */

#define BSM_REMIX_URI BSM_LV2_URI "remix"
#define BSM_STEMS_URI BSM_LV2_URI "stems"
#define BSM_MODEL_URI BSM_LV2_URI "model"   /**< parameter: the model file */
#define BSM_STATUS_URI BSM_LV2_URI "status" /**< read-only parameter: the status of that model */
#define BSM_SCENE_URI BSM_LV2_URI "scene"   /**< the data for the window, see watch.h */

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

/* Messages through the atom ports: the host gets and sets the model file, and the plugin reports
 * the status of that model. */

typedef struct bsm_messages {
    bsm_uris uris;
    LV2_Atom_Forge forge;
    LV2_Atom_Forge_Frame sequence;
    bool chosen;                /**< `choice` waits to be passed to the worker */
    char choice[BSM_PATH_SIZE]; /**< the model file that the host has set */
    bool watched;               /**< whether a window has asked for scenes */
    bool tell_model, tell_status,
        tell_change; /**< whether the host must be told as soon as there is room */
} bsm_messages;

void bsm_messages_init(bsm_messages *messages, LV2_URID_Map *map, const bsm_uris *uris);

/** Read patch:Get and patch:Set messages of the parameters. */
BSM_REALTIME void bsm_messages_read(bsm_messages *messages, const LV2_Atom_Sequence *control);

/** Write the pending messages to the notify port. A scene (NULL: none) that does not fit is
 *  dropped, because the next one follows soon. */
BSM_REALTIME void bsm_messages_write(bsm_messages *messages, LV2_Atom_Sequence *notify,
                                     const char *model, const char *status, const bsm_scene *scene);

/* ---- What a saved project keeps beside the control ports: the model file ---- */

LV2_State_Status bsm_state_save(bsm_loader *loader, const bsm_uris *uris,
                                LV2_State_Store_Function store, LV2_State_Handle handle,
                                const LV2_Feature *const *features);

/** Load the model before returning, so that a host that restores a project and then exports it has
 *  the model from the first sample on. (Not every host offers a worker here.) run() may be called
 *  meanwhile. */
LV2_State_Status bsm_state_restore(bsm_loader *loader, const bsm_settings *settings,
                                   const bsm_uris *uris, LV2_State_Retrieve_Function retrieve,
                                   LV2_State_Handle handle, const LV2_Feature *const *features);

#endif
