/* SPDX-License-Identifier: ISC */
/** The transforms of a call of sound, on the host. */
#ifndef BSM_NET_HOST_SOUND_H
#define BSM_NET_HOST_SOUND_H

#include "device/device.h"

typedef struct bsm_host_sound bsm_host_sound;

/** For blocks of up to `max_frames` frames. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_host_sound_new(const bsm_config *config, size_t max_frames,
                                            bsm_host_sound **sound, bsm_error *error);
void bsm_host_sound_free(bsm_host_sound *sound);

/** The same call, of spectra, which stay valid until the next one. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_host_sound_analyse(bsm_host_sound *sound, const bsm_device_call *call,
                                                bsm_device_call *spectral, bsm_error *error);

/** After that call: give the stems' sums that `call` wants. */
void bsm_host_sound_synthesise(bsm_host_sound *sound, const bsm_device_call *call);

#endif
