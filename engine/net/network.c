/* SPDX-License-Identifier: ISC */
/* BSMamba2: which modules run in which order, over a window or over a stream.
 *
 * Kim and Choi, "Mamba2 Meets Silence" (2025): band split, dual-path layers, mask estimation. */
#include "bsm/network.h"

#include <stdlib.h>

#include "device/device.h"
#include "net/threads.h"

struct bsm_network {
    bsm_model *model;
    const bsm_device *device;
    bsm_shared_weights *weights;
    void *workspace;
    size_t max_frames;
    bool streaming;
    size_t last_frames;
    char device_name[128];

    bsm_network_observer *observer;
    void *observer_user;
};

static bsm_status check_options(const bsm_network_options *options, size_t *threads,
                                bsm_error *error)
{
    if (options->max_frames == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "a network needs max_frames of at least 1");
    }
    return bsm_threads_resolve(options->threads, threads, error);
}

bsm_status bsm_network_new(bsm_model *model, const bsm_network_options *options,
                           bsm_network **network, bsm_error *error)
{
    size_t threads;
    bsm_status status = check_options(options, &threads, error);
    if (status) {
        return status;
    }
    bsm_network *net = calloc(1, sizeof *net);
    if (!net) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a network");
    }
    net->model = bsm_model_ref(model);
    net->max_frames = options->max_frames;
    net->streaming = options->streaming;

    bsm_workspace_options space = {
        .threads = threads,
        .max_frames = options->max_frames,
        .streaming = options->streaming,
    };
    status = bsm_device_find(options->device, &net->device, error);
    if (!status) {
        status = bsm_shared_weights_get(net->device, model, &net->weights, error);
    }
    if (!status) {
        status = net->device->workspace_new(bsm_shared_weights_data(net->weights), &space,
                                            &net->workspace, error);
    }
    if (status) {
        bsm_network_free(net);
        return status;
    }
    net->device->describe(net->device_name, sizeof net->device_name);
    *network = net;
    return BSM_OK;
}

void bsm_network_free(bsm_network *network)
{
    if (!network) {
        return;
    }
    if (network->workspace) {
        network->device->workspace_free(network->workspace);
    }
    bsm_shared_weights_release(network->weights);
    bsm_model_free(network->model);
    free(network);
}

const bsm_model *bsm_network_model(const bsm_network *network)
{
    return network->model;
}

const char *bsm_network_device_name(const bsm_network *network)
{
    return network->device_name;
}

static bsm_status observe(const bsm_network *net, bsm_module module, size_t layer, bsm_error *error)
{
    if (net->observer && !net->observer(net->observer_user, module, layer)) {
        return bsm_fail(error, BSM_CANCELLED, "cancelled");
    }
    return BSM_OK;
}

/* Only the last layer's output may be cut to the wanted frames: every layer before it needs the
 * frames that lie ahead. */
static bsm_status run_layers(bsm_network *net, const bsm_block *block, bsm_error *error)
{
    size_t depth = bsm_model_config(net->model)->depth;
    for (size_t layer = 0; layer < depth; layer++) {
        bsm_block part = *block;
        if (layer + 1 < depth) {
            part.wanted = part.frames;
        }
        bsm_status status = net->device->time_path(net->workspace, layer, &part, error);
        if (!status) {
            status = observe(net, BSM_MODULE_TIME_PATH, layer, error);
        }
        if (!status) {
            status = net->device->band_path(net->workspace, layer, &part, error);
        }
        if (!status) {
            status = observe(net, BSM_MODULE_BAND_PATH, layer, error);
        }
        if (status) {
            return status;
        }
    }
    return BSM_OK;
}

static bsm_status run_masks(bsm_network *net, const bsm_block *block, const float *spectrum,
                            float *const *stems, bsm_error *error)
{
    size_t num_stems = bsm_model_config(net->model)->num_stems;
    for (size_t stem = 0; stem < num_stems; stem++) {
        if (!stems[stem]) {
            continue;
        }
        bsm_status status =
            net->device->mask(net->workspace, stem, block, spectrum, stems[stem], error);
        if (!status) {
            status = observe(net, BSM_MODULE_MASK, stem, error);
        }
        if (status) {
            return status;
        }
    }
    return BSM_OK;
}

static bsm_status run(bsm_network *net, const bsm_block *block, const float *spectrum,
                      float *const *stems, bsm_error *error)
{
    if (block->frames == 0 || block->frames > net->max_frames) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%zu frames: this network takes 1 to %zu",
                        block->frames, net->max_frames);
    }
    net->last_frames = block->frames;
    bsm_status status = net->device->band_split(net->workspace, spectrum, block->frames, error);
    if (!status) {
        status = observe(net, BSM_MODULE_BAND_SPLIT, 0, error);
    }
    if (!status) {
        status = run_layers(net, block, error);
    }
    return status ? status : run_masks(net, block, spectrum, stems, error);
}

bsm_status bsm_network_forward(bsm_network *network, const float *spectrum, size_t frames,
                               float *const *stems, bsm_error *error)
{
    bsm_block block = {.frames = frames, .wanted = frames, .commit = 0};
    return run(network, &block, spectrum, stems, error);
}

bsm_status bsm_network_stream(bsm_network *network, const float *spectrum, size_t frames,
                              size_t commit, float *const *stems, bsm_error *error)
{
    if (!network->streaming) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "this network was not made for streaming");
    }
    if (commit == 0 || commit > frames) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "commit %zu of %zu frames: out of range",
                        commit, frames);
    }
    bsm_block block = {.frames = frames, .wanted = commit, .commit = commit};
    return run(network, &block, spectrum, stems, error);
}

void bsm_network_reset(bsm_network *network)
{
    network->device->reset(network->workspace);
}

void bsm_network_observe(bsm_network *network, bsm_network_observer *observer, void *user)
{
    network->observer = observer;
    network->observer_user = user;
}

void bsm_network_read_features(const bsm_network *network, float *features)
{
    network->device->read_features(network->workspace, network->last_frames, features);
}
