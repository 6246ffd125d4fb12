/* SPDX-License-Identifier: ISC */
/* Saves and restores the path of the model. */
#include "messages.h"

#include <stdlib.h>
#include <string.h>

#include <lv2/core/lv2_util.h>

static void free_path(const LV2_Feature *const *features, char *path)
{
    const LV2_State_Free_Path *host = lv2_features_data(features, LV2_STATE__freePath);
    if (host) {
        host->free_path(host->handle, path);
    } else {
        free(path);
    }
}

static LV2_State_Status store_text(const bsm_uris *uris, const char *text, LV2_URID type,
                                   LV2_State_Store_Function store, LV2_State_Handle handle)
{
    return store(handle, uris->model, text, strlen(text) + 1, type,
                 LV2_STATE_IS_POD | LV2_STATE_IS_PORTABLE);
}

LV2_State_Status bsm_state_save(bsm_loader *loader, const bsm_uris *uris,
                                LV2_State_Store_Function store, LV2_State_Handle handle,
                                const LV2_Feature *const *features)
{
    char wanted[BSM_PATH_SIZE];
    bsm_loader_get_wanted(loader, wanted);
    if (!*wanted) { /* whatever is the default when the project is loaded */
        return store_text(uris, "", uris->atom_string, store, handle);
    }
    const LV2_State_Map_Path *map = lv2_features_data(features, LV2_STATE__mapPath);
    char *mapped = map ? map->abstract_path(map->handle, wanted) : NULL;
    /* A host may not map the path of a file that is gone; its name must not be lost. */
    LV2_State_Status status =
        store_text(uris, mapped && *mapped ? mapped : wanted, uris->atom_path, store, handle);
    if (mapped) {
        free_path(features, mapped);
    }
    return status;
}

static bool is_text(const char *text, size_t size)
{
    return size > 0 && size <= BSM_PATH_SIZE && memchr(text, 0, size);
}

LV2_State_Status bsm_state_restore(bsm_loader *loader, const bsm_settings *settings,
                                   const bsm_uris *uris, LV2_State_Retrieve_Function retrieve,
                                   LV2_State_Handle handle, const LV2_Feature *const *features)
{
    size_t size = 0;
    uint32_t type = 0, flags = 0;
    const char *stored = retrieve(handle, uris->model, &size, &type, &flags);
    if (!stored) {
        return LV2_STATE_SUCCESS; /* this is a preset that sets only ports */
    }
    if ((type != uris->atom_path && type != uris->atom_string) || !is_text(stored, size)) {
        return LV2_STATE_ERR_BAD_TYPE;
    }
    const LV2_State_Map_Path *map = lv2_features_data(features, LV2_STATE__mapPath);
    char *mapped = map && *stored ? map->absolute_path(map->handle, stored) : NULL;
    bsm_loader_restore(loader, settings, mapped && *mapped ? mapped : stored);
    if (mapped) {
        free_path(features, mapped);
    }
    return LV2_STATE_SUCCESS;
}
