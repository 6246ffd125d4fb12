/* SPDX-License-Identifier: ISC */
/** The item's signals and the transforms of the loss. */
#ifndef BSM_DEVICE_HOST_SIGNALS_H
#define BSM_DEVICE_HOST_SIGNALS_H

#include "device/host/host.h"
#include "signal/transform.h"

struct bsm_host_signals {
    bsm_transform *model;                         /**< the network's own */
    bsm_transform *windows[BSM_MAX_LOSS_WINDOWS]; /**< the loss's */
    float *targets[BSM_MAX_STEMS][BSM_MAX_CHANNELS];
    float *difference[BSM_MAX_CHANNELS]; /**< the stem in work's prediction, less its target */
    float *gradient[BSM_MAX_CHANNELS];   /**< by the stem in work's waveform */
    void *memory;                        /**< of the signals and of the host's spectra */
};

/** Make host->signals and the spectra; the options are set. On failure bsm_host_signals_free clears
 *  what there is. */
bsm_status bsm_host_signals_new(bsm_host *host, bsm_error *error);
void bsm_host_signals_free(bsm_host_signals *signals);

/** Bytes of all that. */
size_t bsm_host_signals_bytes(const bsm_config *config, const bsm_training_options *options);

#endif
