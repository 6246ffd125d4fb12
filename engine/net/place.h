/* SPDX-License-Identifier: ISC */
/** Where a network runs: the device, its threads, and the transforms on the host. */
#ifndef BSM_NET_PLACE_H
#define BSM_NET_PLACE_H

#include "bsm/block.h"
#include "bsm/config.h"
#include "bsm/network.h"
#include "bsm/status.h"
#include "device/device.h"

/* The transforms of a network's blocks, for a device that takes spectra. A frame that two blocks
 * share is transformed once. */

typedef struct bsm_host_stft bsm_host_stft;

/** Make one for blocks of up to `max_frames` frames. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_host_stft_new(const bsm_config *config, size_t max_frames,
                                           bsm_host_stft **stft, bsm_error *error);
void bsm_host_stft_free(bsm_host_stft *stft);

/** Transform a block; its spectrum is then in bsm_host_stft_mixture. */
void bsm_host_stft_analyse(bsm_host_stft *stft, const bsm_block *block);

/** Add the contents of bsm_host_stft_stem to a stem of the block. */
void bsm_host_stft_synthesise(bsm_host_stft *stft, size_t stem, const bsm_block *block);

/** [max_frames][bin][channel][re, im]: the mixture's spectrum, and room for a stem's. */
const float *bsm_host_stft_mixture(const bsm_host_stft *stft);
float *bsm_host_stft_stem(const bsm_host_stft *stft);

/* ---- How many threads a network or a training uses ---- */

/** Set the count to `wanted`, or to one per core if that is 0. BSM_INVALID_ARGUMENT. */
bsm_status bsm_threads_resolve(size_t wanted, size_t *threads, bsm_error *error);

/* ---- How long a network's device takes for the scan of one mixer (for bsm-bench) ---- */

/** Like bsm_device.scan_times; call it between calls of the network. If the device fails, it is
 *  given up for another only by the network's next call.
 *  BSM_UNSUPPORTED: the device cannot do this, or the network has moved to a device that cannot. */
BSM_NODISCARD bsm_status bsm_network_scan_times(bsm_network *network, size_t frames, size_t repeats,
                                                bsm_scan_times *times, bsm_error *error);

/* Where a network runs: a device with the model's weights and a workspace. For a device that takes
 * spectra this adds the host's transforms, so that every place takes samples. */

typedef struct bsm_place {
    const bsm_device *device;
    bsm_shared_weights *weights;
    void *workspace;
    bsm_host_stft *stft; /**< NULL if the device transforms by itself */
} bsm_place;

/** Open one. After a failure there is nothing to close. */
bsm_status bsm_place_open(bsm_place *place, const bsm_device *device, bsm_model *model,
                          const bsm_workspace_options *options, bsm_error *error);
void bsm_place_close(bsm_place *place);

/** Compute a block. `modules` calls the modules in their order; they are the device's, except for
 *  those that handle samples or spectra, which are given here. */
bsm_status bsm_place_run(const bsm_place *place, const bsm_block *block,
                         const bsm_device_modules *modules, bsm_error *error);
bsm_status bsm_place_analyse(const bsm_place *place, const bsm_block *block, bsm_error *error);
bsm_status bsm_place_band_split(const bsm_place *place, const bsm_block *block, bsm_error *error);
bsm_status bsm_place_mask(const bsm_place *place, size_t stem, const bsm_block *block,
                          bsm_error *error);
bsm_status bsm_place_synthesise(const bsm_place *place, size_t stem, const bsm_block *block,
                                bsm_error *error);

/** Whether the device does whole blocks: when a module returns, its work has hardly begun. */
bool bsm_place_queues(const bsm_place *place);

/** Whether the device is to blame, so that another may succeed. */
bool bsm_place_is_at_fault(bsm_status status);

/** Like bsm_network_new, on a given device. If it fails, at the start or later, the network goes
 *  on on `fallback`, if that is not NULL. */
bsm_status bsm_network_new_on(const bsm_device *device, const bsm_device *fallback,
                              bsm_model *model, const bsm_network_options *options,
                              bsm_network **network, bsm_error *error);

#endif
