/* SPDX-License-Identifier: ISC */
/** The URIs of bsm's plugins, and all URIs mapped to numbers. BSM_LV2_URI comes from meson.build,
 *  which also puts it into the Turtle. */
#ifndef BSM_PLUGIN_URIS_H
#define BSM_PLUGIN_URIS_H

#include <lv2/atom/atom.h>
#include <lv2/atom/forge.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/options/options.h>
#include <lv2/patch/patch.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>

#define BSM_REMIX_URI BSM_LV2_URI "remix"
#define BSM_STEMS_URI BSM_LV2_URI "stems"
#define BSM_MODEL_URI BSM_LV2_URI "model"   /**< parameter: the model file */
#define BSM_STATUS_URI BSM_LV2_URI "status" /**< parameter, read only: what became of it */
#define BSM_SCENE_URI BSM_LV2_URI "scene"   /**< what the window is told of the sound: scene.h */

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

#endif
