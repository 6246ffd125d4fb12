/* SPDX-License-Identifier: ISC */
/** Sound through a network: where the device transforms by itself, samples go there and come back
 *  instead of spectra. Anywhere else, as where such a device has been given up, the host does it.
 *  Threads and memory as in bsm/network.h, but that the host's transform is allocated when it is
 *  first needed. */
#ifndef BSM_NET_SOUND_H
#define BSM_NET_SOUND_H

#include "bsm/network.h"
#include "device/device.h"

/** True if the network's device transforms by itself: sound is then the shorter way. */
bool bsm_network_takes_sound(const bsm_network *network);

/** bsm_network_forward (`block->commit` 0) or bsm_network_stream of a block of sound.
 *
 *  Frames in front of `sound->first` are seen, but not given. A stream is of sound or of spectra
 *  from one reset to the next.
 *  BSM_INVALID_ARGUMENT: not first < wanted <= frames <= max_frames, or not wanted = commit. */
BSM_NODISCARD bsm_status bsm_network_sound(bsm_network *network, const bsm_block *block,
                                           const bsm_sound *sound, bsm_error *error);

/** The transforms of a block of sound. */
typedef enum bsm_transform {
    BSM_ANALYSIS,
    BSM_SYNTHESIS,
} bsm_transform;

/** Called after each transform, once it is done: the analysis of the mixture, then the synthesis,
 *  of all wanted stems or of each. For benchmarks, beside bsm_network_observe. NULL: nobody. */
typedef void bsm_transform_observer(void *user, bsm_transform transform);
void bsm_network_observe_transforms(bsm_network *network, bsm_transform_observer *observer,
                                    void *user);

#endif
