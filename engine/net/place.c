/* SPDX-License-Identifier: ISC */
/* Where a network runs, and on how many threads. */
#include "net/place.h"

#include <sched.h>

/* ---- How many threads a network or a training uses ---- */

enum { MAX_THREADS = 1024 };

/* The number of processors that this process may run on. */
static size_t processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
}

bsm_status bsm_threads_resolve(size_t wanted, size_t *threads, bsm_error *error)
{
    if (wanted > MAX_THREADS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%zu threads: at most %d", wanted,
                        MAX_THREADS);
    }
    *threads = wanted ? wanted : processors();
    return BSM_OK;
}

/* ---- A device, ready to run a model on samples ---- */

bsm_status bsm_place_open(bsm_place *place, const bsm_device *device, bsm_model *model,
                          const bsm_workspace_options *options, bsm_error *error)
{
    *place = (bsm_place){.device = device};
    bsm_status status = bsm_shared_weights_get(device, model, &place->weights, error);
    if (!status) {
        status = device->workspace_new(bsm_shared_weights_data(place->weights), options,
                                       &place->workspace, error);
    }
    if (!status && !device->run) {
        status =
            bsm_host_stft_new(bsm_model_config(model), options->max_frames, &place->stft, error);
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
    bsm_host_stft_free(place->stft);
    *place = (bsm_place){0};
}

bsm_status bsm_place_run(const bsm_place *place, const bsm_block *block,
                         const bsm_device_modules *modules, bsm_error *error)
{
    return place->stft ? modules->run(modules->network, block, error)
                       : place->device->run(place->workspace, block, modules, error);
}

bsm_status bsm_place_analyse(const bsm_place *place, const bsm_block *block, bsm_error *error)
{
    if (place->stft) {
        bsm_host_stft_analyse(place->stft, block);
        return BSM_OK;
    }
    return place->device->analyse(place->workspace, block, error);
}

bsm_status bsm_place_band_split(const bsm_place *place, const bsm_block *block, bsm_error *error)
{
    const float *mixture = place->stft ? bsm_host_stft_mixture(place->stft) : NULL;
    return place->device->band_split(place->workspace, mixture, block->frames, error);
}

bsm_status bsm_place_mask(const bsm_place *place, size_t stem, const bsm_block *block,
                          bsm_error *error)
{
    const float *mixture = place->stft ? bsm_host_stft_mixture(place->stft) : NULL;
    float *masked = place->stft ? bsm_host_stft_stem(place->stft) : NULL;
    return place->device->mask(place->workspace, stem, block, mixture, masked, error);
}

bsm_status bsm_place_synthesise(const bsm_place *place, size_t stem, const bsm_block *block,
                                bsm_error *error)
{
    if (place->stft) {
        bsm_host_stft_synthesise(place->stft, stem, block);
        return BSM_OK;
    }
    return place->device->synthesise(place->workspace, stem, block, error);
}

bool bsm_place_queues(const bsm_place *place)
{
    return place->device->run != NULL;
}

bool bsm_place_is_at_fault(bsm_status status)
{
    return status == BSM_NO_DEVICE || status == BSM_DEVICE_FAILED || status == BSM_NO_MEMORY;
}
