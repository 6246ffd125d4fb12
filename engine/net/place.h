/* SPDX-License-Identifier: ISC */
/** Where a network runs: a device with the model's weights and a workspace there, and around a
 *  device that takes spectra the host's transforms, so that all places take samples. */
#ifndef BSM_NET_PLACE_H
#define BSM_NET_PLACE_H

#include "bsm/network.h"
#include "device/device.h"
#include "net/host_stft.h"

typedef struct bsm_place {
    const bsm_device *device;
    bsm_shared_weights *weights;
    void *workspace;
    bsm_host_stft *stft; /**< NULL where the device transforms by itself */
} bsm_place;

/** On failure nothing is left to close. */
bsm_status bsm_place_open(bsm_place *place, const bsm_device *device, bsm_model *model,
                          const bsm_workspace_options *options, bsm_error *error);
void bsm_place_close(bsm_place *place);

/** Do a block, of which `modules` knows the modules' order: the device's, with these in place of
 *  those that touch samples or spectra. */
bsm_status bsm_place_run(const bsm_place *place, const bsm_block *block,
                         const bsm_device_modules *modules, bsm_error *error);
bsm_status bsm_place_analyse(const bsm_place *place, const bsm_block *block, bsm_error *error);
bsm_status bsm_place_band_split(const bsm_place *place, const bsm_block *block, bsm_error *error);
bsm_status bsm_place_mask(const bsm_place *place, size_t stem, const bsm_block *block,
                          bsm_error *error);
bsm_status bsm_place_synthesise(const bsm_place *place, size_t stem, const bsm_block *block,
                                bsm_error *error);

/** When a module returns, next to nothing of it is done: the device does whole blocks. */
bool bsm_place_queues(const bsm_place *place);

/** True if the device is at fault, and another may do better. */
bool bsm_place_is_at_fault(bsm_status status);

/** As bsm_network_new, on a given device. Where it fails, at the start or later, the network goes
 *  on on `fallback`, if that is not NULL. */
bsm_status bsm_network_new_on(const bsm_device *device, const bsm_device *fallback,
                              bsm_model *model, const bsm_network_options *options,
                              bsm_network **network, bsm_error *error);

#endif
