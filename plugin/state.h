/* SPDX-License-Identifier: ISC */
/** What a saved project keeps beside the control ports: the model file. */
#ifndef BSM_PLUGIN_STATE_H
#define BSM_PLUGIN_STATE_H

#include <lv2/state/state.h>

#include "loading.h"
#include "uris.h"

LV2_State_Status bsm_state_save(bsm_loader *loader, const bsm_uris *uris,
                                LV2_State_Store_Function store, LV2_State_Handle handle,
                                const LV2_Feature *const *features);

/** Loads the model before it returns: a host that restores and then exports hears it from the first
 *  sample, and not every host has a worker here. run() goes on meanwhile. */
LV2_State_Status bsm_state_restore(bsm_loader *loader, const bsm_settings *settings,
                                   const bsm_uris *uris, LV2_State_Retrieve_Function retrieve,
                                   LV2_State_Handle handle, const LV2_Feature *const *features);

#endif
