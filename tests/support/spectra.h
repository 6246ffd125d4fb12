/* SPDX-License-Identifier: ISC */
/** Runs a device's modules on spectra, [frame][bin][channel][re, im], without a network. */
#ifndef BSM_TESTS_NET_SPECTRA_H
#define BSM_TESTS_NET_SPECTRA_H

#include "net/place.h"

typedef struct spectral_model {
    const bsm_config *config;
    bsm_place place;
} spectral_model;

/** Open a model for blocks of up to `max_frames` frames; the model has to outlive the result. An
 *  error fails the test. */
spectral_model open_spectral(bsm_device_kind device, bsm_model *model, size_t max_frames);
void close_spectral(spectral_model *spectral);

/** Called after the band split (layer 0), and after each layer (from 1). */
typedef void layer_observer(void *user, const spectral_model *spectral, size_t layer);

/** Compute a stem of a block: `wanted` frames. `observer` may be NULL. */
void run_spectra(const spectral_model *spectral, const float *spectrum, const bsm_block *block,
                 size_t stem, float *masked, layer_observer *observer, void *user);

#endif
