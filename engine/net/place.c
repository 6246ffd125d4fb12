/* SPDX-License-Identifier: ISC */
/* A device, ready to run a model. */
#include "net/place.h"

bsm_status bsm_place_open(bsm_place *place, const bsm_device *device, bsm_model *model,
                          const bsm_workspace_options *options, bsm_error *error)
{
    *place = (bsm_place){.device = device};
    bsm_status status = bsm_shared_weights_get(device, model, &place->weights, error);
    if (!status) {
        status = device->workspace_new(bsm_shared_weights_data(place->weights), options,
                                       &place->workspace, error);
    }
    if (status) {
        bsm_place_close(place);
    }
    return status;
}

void bsm_place_close(bsm_place *place)
{
    if (place->workspace) {
        place->device->workspace_free(place->workspace);
    }
    bsm_shared_weights_release(place->weights);
    *place = (bsm_place){0};
}

bsm_status bsm_place_run(const bsm_place *place, const bsm_device_call *call,
                         bsm_run_modules *modules, void *user, bsm_error *error)
{
    if (!place->device->begin) {
        return modules(user, call, error);
    }
    bsm_status status = BSM_OK;
    for (bool again = true; again && !status;) {
        bool skip = false;
        again = false;
        status = place->device->begin(place->workspace, call, &skip, error);
        if (!status) {
            status = skip ? BSM_OK : modules(user, call, error);
            status = place->device->end(place->workspace, call, status, &again, error);
        }
    }
    return status;
}

bool bsm_place_is_at_fault(bsm_status status)
{
    return status == BSM_NO_DEVICE || status == BSM_DEVICE_FAILED || status == BSM_NO_MEMORY;
}
