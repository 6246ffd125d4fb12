/* SPDX-License-Identifier: ISC */
/** The transforms of a network's blocks, for a device that takes spectra. A frame that two blocks
 *  share is transformed once. */
#ifndef BSM_NET_PLACE_H
#define BSM_NET_PLACE_H

#include "bsm/block.h"
#include "bsm/config.h"
#include "bsm/network.h"
#include "bsm/status.h"
#include "device/device.h"

/* The transforms of a network's blocks, for a device that takes spectra. A frame that two blocks
 *  share is transformed once. */

typedef struct bsm_host_stft bsm_host_stft;

/** For blocks of up to `max_frames` frames. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_host_stft_new(const bsm_config *config, size_t max_frames,
                                           bsm_host_stft **stft, bsm_error *error);
void bsm_host_stft_free(bsm_host_stft *stft);

/** Transform a block; its spectrum is then bsm_host_stft_mixture. */
void bsm_host_stft_analyse(bsm_host_stft *stft, const bsm_block *block);

/** Add what bsm_host_stft_stem holds to a stem of the block. */
void bsm_host_stft_synthesise(bsm_host_stft *stft, size_t stem, const bsm_block *block);

/** [max_frames][bin][channel][re, im]: the mixture's, and room for a stem's. */
const float *bsm_host_stft_mixture(const bsm_host_stft *stft);
float *bsm_host_stft_stem(const bsm_host_stft *stft);

/* ---- How many threads a network or a training uses ---- */

/** `wanted`, or one per core if it is 0. BSM_INVALID_ARGUMENT. */
bsm_status bsm_threads_resolve(size_t wanted, size_t *threads, bsm_error *error);

/* ---- How long a network's device takes for the scan of one mixer, for bsm-bench ---- */

/** As bsm_device.scan_times, between calls of the network. A device that fails is not given up for
 *  another here, but by the next call.
 *  BSM_UNSUPPORTED: it cannot, or the network has been handed over to one that cannot. */
BSM_NODISCARD bsm_status bsm_network_scan_times(bsm_network *network, size_t frames, size_t repeats,
                                                bsm_scan_times *times, bsm_error *error);

/* Where a network runs: a device with the model's weights and a workspace there, and around a
 *  device that takes spectra the host's transforms, so that all places take samples. */

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
