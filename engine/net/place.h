/* SPDX-License-Identifier: ISC */
/** Where a network runs: a device with the model's weights and a workspace there. */
#ifndef BSM_NET_PLACE_H
#define BSM_NET_PLACE_H

#include "bsm/network.h"
#include "device/device.h"

typedef struct bsm_place {
    const bsm_device *device;
    bsm_shared_weights *weights;
    void *workspace;
} bsm_place;

/** On failure nothing is left to close. */
bsm_status bsm_place_open(bsm_place *place, const bsm_device *device, bsm_model *model,
                          const bsm_workspace_options *options, bsm_error *error);
void bsm_place_close(bsm_place *place);

/** One call of the network on this device, without the modules' order: `modules` runs them. */
typedef bsm_status bsm_run_modules(void *user, const bsm_device_call *call, bsm_error *error);
bsm_status bsm_place_run(const bsm_place *place, const bsm_device_call *call,
                         bsm_run_modules *modules, void *user, bsm_error *error);

/** True if the device is at fault, and another may do better. */
bool bsm_place_is_at_fault(bsm_status status);

/** As bsm_network_new, on a given device. Where it fails, at the start or later, the network goes
 *  on on `fallback`, if that is not NULL. */
bsm_status bsm_network_new_on(const bsm_device *device, const bsm_device *fallback,
                              bsm_model *model, const bsm_network_options *options,
                              bsm_network **network, bsm_error *error);

/** Where it runs now: another place once the device has been given up. */
const bsm_place *bsm_network_place(const bsm_network *network);

#endif
