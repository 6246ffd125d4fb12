/* SPDX-License-Identifier: ISC */
#include "spectra.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

spectral_model open_spectral(bsm_device_kind device, bsm_model *model, size_t max_frames)
{
    spectral_model spectral = {.config = bsm_model_config(model)};
    const bsm_workspace_options options = {.threads = 2, .max_frames = max_frames, .states = 1};
    const bsm_device *found = NULL;
    assert_int_equal(bsm_device_find(device, &found, NULL), BSM_OK);
    assert_int_equal(bsm_place_open(&spectral.place, found, model, &options, NULL), BSM_OK);
    return spectral;
}

void close_spectral(spectral_model *spectral)
{
    bsm_place_close(&spectral->place);
}

void run_spectra(const spectral_model *spectral, const float *spectrum, const bsm_block *block,
                 size_t stem, float *masked, layer_observer *observer, void *user)
{
    const bsm_device *device = spectral->place.device;
    void *space = spectral->place.workspace;
    const size_t depth = spectral->config->depth;
    assert_int_equal(device->band_split(space, spectrum, block->frames, NULL), BSM_OK);
    for (size_t layer = 0; layer <= depth; layer++) {
        if (observer) {
            observer(user, spectral, layer);
        }
        bsm_block part = *block;
        part.wanted = layer + 1 < depth ? block->frames : block->wanted;
        if (layer < depth) {
            assert_int_equal(device->time_path(space, layer, &part, NULL), BSM_OK);
            assert_int_equal(device->band_path(space, layer, &part, NULL), BSM_OK);
        }
    }
    assert_int_equal(device->mask(space, stem, block, spectrum, masked, NULL), BSM_OK);
}
