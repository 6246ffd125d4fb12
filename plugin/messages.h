/* SPDX-License-Identifier: ISC */
/** The communication between the plugin and its host: URIs, messages over the atom ports, and the
 *  state that a project saves. */
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

/* The URIs of bsm's plugins, and all URIs that are mapped to numbers. BSM_LV2_URI is defined in
 * meson.build, which also puts it into the Turtle. */

#define BSM_REMIX_URI BSM_LV2_URI "remix"
#define BSM_STEMS_URI BSM_LV2_URI "stems"
#define BSM_MODEL_URI BSM_LV2_URI "model"   /**< a parameter: the model file */
#define BSM_STATUS_URI BSM_LV2_URI "status" /**< a read-only parameter: what became of it */
#define BSM_SCENE_URI BSM_LV2_URI "scene"   /**< what the window is told about the audio: watch.h */

typedef struct bsm_uris {
    LV2_URID plugin, model, status, scene;
    LV2_URID atom_int, atom_path, atom_string, atom_urid;
    LV2_URID max_block;
    LV2_URID patch_get, patch_set, patch_property, patch_subject, patch_value;
    LV2_URID state_changed;
} bsm_uris;

/** Map all URIs. @param plugin  the URI of this plugin */
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

/* Messages over the atom ports: the host asks for the model file and sets it, and is told what
 * became of it. */

typedef struct bsm_messages {
    bsm_uris uris;
    LV2_Atom_Forge forge;
    LV2_Atom_Forge_Frame sequence;
    bool chosen;                /**< `choice` has not been passed to the worker yet */
    char choice[BSM_PATH_SIZE]; /**< the model file that the host has set */
    bool watched;               /**< a window has asked for scenes */
    /** these must be written to the host as soon as there is room */
    bool tell_model, tell_status, tell_change;
} bsm_messages;

void bsm_messages_init(bsm_messages *messages, LV2_URID_Map *map, const bsm_uris *uris);

/** Read the patch:Get and patch:Set messages for the parameters. Audio thread. */
BSM_REALTIME void bsm_messages_read(bsm_messages *messages, const LV2_Atom_Sequence *control);

/** Write all messages that are due to the notify port. Those that do not fit are written in a later
 *  call, except for a scene, which is dropped because another one follows soon. Audio thread.
 *  @param model   value of the model parameter
 *  @param status  value of the status parameter
 *  @param scene   a scene for the window, or NULL */
BSM_REALTIME void bsm_messages_write(bsm_messages *messages, LV2_Atom_Sequence *notify,
                                     const char *model, const char *status, const bsm_scene *scene);

/* ---- The state that a project saves in addition to the control ports: the model file ---- */

/** Store the path of the model that the user chose, or "" for the default. Any thread but the audio
 *  thread. */
LV2_State_Status bsm_state_save(bsm_loader *loader, const bsm_uris *uris,
                                LV2_State_Store_Function store, LV2_State_Handle handle,
                                const LV2_Feature *const *features);

/** Retrieve the path and load the model before returning. A host that restores and then exports
 *  thus hears it from the first sample, and not every host provides a worker here. run() may be
 *  called at the same time. Any thread but the audio thread.
 *  @param settings  as for bsm_loader_restore */
LV2_State_Status bsm_state_restore(bsm_loader *loader, const bsm_settings *settings,
                                   const bsm_uris *uris, LV2_State_Retrieve_Function retrieve,
                                   LV2_State_Handle handle, const LV2_Feature *const *features);

#endif
