/* SPDX-License-Identifier: ISC */
/* BSMamba2: which modules run in which order, over a window or over a stream.
 *
 * Kim and Choi, "Mamba2 Meets Silence" (2025): band split, dual-path layers, mask estimation. */
#include "bsm/network.h"

#include <stdlib.h>

#include "log.h"
#include "net/history.h"
#include "net/host_sound.h"
#include "net/place.h"
#include "net/sound.h"
#include "net/threads.h"

struct bsm_network {
    bsm_model *model;
    bsm_workspace_options options;
    bsm_place place;
    size_t last_frames;
    char device_name[128];

    /* Where to go on if the device fails; NULL: nowhere. Then a stream is remembered, too. */
    const bsm_device *fallback;
    bsm_history *history;
    bool of_sound; /* what is in the history */
    char note[512];
    bsm_host_sound *host_sound; /* where the device has no transform; NULL until it is needed */

    bsm_network_observer *observer;
    bsm_transform_observer *transform_observer;
    bsm_network_go_on *go_on;
    void *observer_user, *transform_user, *go_on_user;
};

static bsm_status check_options(const bsm_network_options *options, size_t *threads,
                                bsm_error *error)
{
    if (options->max_frames == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "a network needs max_frames of at least 1");
    }
    return bsm_threads_resolve(options->threads, threads, error);
}

/* ---- Where it runs ---- */

/* Say that the device is given up, and why, and open the one to go on with. */
static bsm_status fall_back(bsm_network *net, const bsm_error *why, bsm_error *error)
{
    bsm_place place;
    bsm_status status = bsm_place_open(&place, net->fallback, net->model, &net->options, error);
    if (status) {
        return status;
    }
    bsm_place_close(&net->place);
    net->place = place;
    net->fallback = NULL;
    net->place.device->describe(net->device_name, sizeof net->device_name);
    bsm_format_line(net->note, sizeof net->note, "%s; going on on %s", why->message,
                    net->device_name);
    bsm_log("%s", net->note);
    return BSM_OK;
}

/* As much of a stream as a training example held: what a model remembers at least. */
static size_t frames_to_keep(const bsm_config *config)
{
    return (size_t)(config->segment * (double)config->sample_rate / (double)config->hop);
}

static bsm_status open_history(bsm_network *net, bsm_error *error)
{
    if (!net->fallback || !net->options.streaming) {
        return BSM_OK;
    }
    const bsm_config *config = bsm_model_config(net->model);
    return bsm_history_new(bsm_config_features(config), frames_to_keep(config),
                           net->options.max_frames, &net->history, error);
}

static bsm_status open_place(bsm_network *net, const bsm_device *device, bsm_error *error)
{
    bsm_error why = {0};
    bsm_status status = bsm_place_open(&net->place, device, net->model, &net->options, &why);
    if (!status) {
        device->describe(net->device_name, sizeof net->device_name);
        return open_history(net, error);
    }
    if (net->fallback && bsm_place_is_at_fault(status)) {
        return fall_back(net, &why, error);
    }
    return bsm_fail(error, status, "%s", why.message);
}

bsm_status bsm_network_new_on(const bsm_device *device, const bsm_device *fallback,
                              bsm_model *model, const bsm_network_options *options,
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
    net->fallback = fallback;
    net->options = (bsm_workspace_options){
        .threads = threads,
        .max_frames = options->max_frames,
        .streaming = options->streaming,
        .precision = options->precision,
    };
    status = open_place(net, device, error);
    if (status) {
        bsm_network_free(net);
        return status;
    }
    *network = net;
    return BSM_OK;
}

bsm_status bsm_network_new(bsm_model *model, const bsm_network_options *options,
                           bsm_network **network, bsm_error *error)
{
    const bsm_device *device = NULL;
    bsm_status status = bsm_device_find(options->device, &device, error);
    if (status) {
        return status;
    }
    const bsm_device *cpu = bsm_device_for(&bsm_cpu_device, options->precision);
    device = bsm_device_for(device, options->precision);
    bool other = options->device == BSM_DEVICE_AUTO && device != cpu;
    return bsm_network_new_on(device, other ? cpu : NULL, model, options, network, error);
}

void bsm_network_free(bsm_network *network)
{
    if (!network) {
        return;
    }
    bsm_place_close(&network->place);
    bsm_history_free(network->history);
    bsm_host_sound_free(network->host_sound);
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

const bsm_place *bsm_network_place(const bsm_network *network)
{
    return &network->place;
}

const char *bsm_network_note(const bsm_network *network)
{
    return network->note;
}

/* ---- The modules ---- */

static bsm_status ask(const bsm_network *net, bsm_error *error)
{
    return !net->go_on || net->go_on(net->go_on_user) ? BSM_OK
                                                      : bsm_fail(error, BSM_CANCELLED, "cancelled");
}

/* When a module of such a device returns, next to nothing of it is done. */
static bool queues_modules(const bsm_network *net)
{
    return net->place.device->begin != NULL;
}

static bsm_status observe(const bsm_network *net, bsm_module module, size_t layer, bsm_error *error)
{
    if (net->observer && !net->observer(net->observer_user, module, layer)) {
        return bsm_fail(error, BSM_CANCELLED, "cancelled");
    }
    return queues_modules(net) ? BSM_OK : ask(net, error);
}

/* The end of a transform that ended with `status`. */
static bsm_status end_transform(const bsm_network *net, bsm_transform transform, bsm_status status)
{
    if (!status && net->transform_observer) {
        net->transform_observer(net->transform_user, transform);
    }
    return status;
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
        bsm_status status = net->place.device->time_path(net->place.workspace, layer, &part, error);
        if (!status) {
            status = observe(net, BSM_MODULE_TIME_PATH, layer, error);
        }
        if (!status) {
            status = net->place.device->band_path(net->place.workspace, layer, &part, error);
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

static bsm_status run_mask(bsm_network *net, size_t stem, const bsm_device_call *call,
                           bsm_error *error)
{
    const bsm_place *place = &net->place;
    bsm_status status = place->device->mask(place->workspace, stem, &call->block, call->spectrum,
                                            call->sound ? NULL : call->stems[stem], error);
    if (!status) {
        status = observe(net, BSM_MODULE_MASK, stem, error);
    }
    if (!status && call->sound) {
        status = place->device->synthesise(place->workspace, stem, call, error);
        status = end_transform(net, BSM_SYNTHESIS, status);
    }
    return status;
}

static bsm_status run_masks(bsm_network *net, const bsm_device_call *call, bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t s = 0; s < bsm_model_config(net->model)->num_stems && !status; s++) {
        if (bsm_call_wants(call, s)) {
            status = run_mask(net, s, call, error);
        }
    }
    return status;
}

static bsm_status run_modules(void *network, const bsm_device_call *call, bsm_error *error)
{
    bsm_network *net = network;
    const bsm_place *place = &net->place;
    const bsm_block *block = &call->block;
    bsm_status status = BSM_OK;
    if (call->sound) {
        status = place->device->analyse(place->workspace, call, error);
        status = end_transform(net, BSM_ANALYSIS, status);
    }
    if (!status) {
        status = place->device->band_split(place->workspace, call->spectrum, block->frames, error);
    }
    if (!status) {
        status = observe(net, BSM_MODULE_BAND_SPLIT, 0, error);
    }
    if (!status) {
        status = run_layers(net, block, error);
    }
    return status ? status : run_masks(net, call, error);
}

/* With the host's transforms, where the device has none. */
static bsm_status run_with_host(bsm_network *net, const bsm_device_call *call, bsm_error *error)
{
    bsm_device_call spectral;
    bsm_status status = BSM_OK;
    if (!net->host_sound) {
        status = bsm_host_sound_new(bsm_model_config(net->model), net->options.max_frames,
                                    &net->host_sound, error);
    }
    if (!status) {
        status = bsm_host_sound_analyse(net->host_sound, call, &spectral, error);
        status = end_transform(net, BSM_ANALYSIS, status);
    }
    if (!status) {
        status = bsm_place_run(&net->place, &spectral, run_modules, net, error);
    }
    if (!status) {
        bsm_host_sound_synthesise(net->host_sound, call);
        status = end_transform(net, BSM_SYNTHESIS, status);
    }
    return status;
}

static bsm_status run_call(bsm_network *net, const bsm_device_call *call, bsm_error *error)
{
    return call->sound && !bsm_network_takes_sound(net)
               ? run_with_host(net, call, error)
               : bsm_place_run(&net->place, call, run_modules, net, error);
}

/* ---- What is remembered of a stream ---- */

static bsm_status check_history(bsm_network *net, const bsm_device_call *call, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(net->model);
    const bool of_sound = call->sound != NULL;
    if (bsm_history_count(net->history) > 0) {
        return net->of_sound == of_sound
                   ? BSM_OK
                   : bsm_fail(error, BSM_INVALID_ARGUMENT,
                              "a stream goes on as it began, with sound or with spectra");
    }
    const bsm_history_rows spectra = {.rows = 1, .frame = bsm_config_features(config)};
    const bsm_history_rows sound = {
        .rows = config->channels, .frame = config->hop, .extra = config->n_fft - config->hop};
    bsm_history_begin(net->history, of_sound ? &sound : &spectra);
    net->of_sound = of_sound;
    return BSM_OK;
}

static void remember(bsm_network *net, const bsm_device_call *call)
{
    const float *const *rows = call->sound ? call->sound->audio : &call->spectrum;
    bsm_history_add(net->history, rows, call->block.frames, call->block.commit);
}

/* ---- Calls ---- */

/* Compute a stream's last blocks again, on the device that has it now, for its state. */
static bsm_status replay(bsm_network *net, bsm_error *error)
{
    float *const no_spectra[BSM_MAX_STEMS] = {NULL};
    float *const *const no_sums[BSM_MAX_STEMS] = {NULL};
    bsm_network_observer *observer = net->observer;
    bsm_transform_observer *transform_observer = net->transform_observer;
    net->observer = NULL;
    net->transform_observer = NULL;
    net->place.device->reset(net->place.workspace);
    size_t blocks = bsm_history_count(net->history);
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < blocks && !status; i++) {
        bsm_history_block past = bsm_history_at(net->history, i);
        const bsm_sound sound = {.audio = past.rows, .stems = no_sums};
        bsm_device_call call = {
            .block = {.frames = past.frames, .wanted = past.commit, .commit = past.commit},
            .sound = net->of_sound ? &sound : NULL,
            .spectrum = past.rows[0],
            .stems = no_spectra};
        status = run_call(net, &call, error);
    }
    net->observer = observer;
    net->transform_observer = transform_observer;
    return status;
}

/* The call once more, where the device that should have done it is given up. A window's call, too,
 * hands over the stream, if there is one. Nothing has to be remembered from then on. */
static bsm_status go_on_elsewhere(bsm_network *net, const bsm_device_call *call,
                                  const bsm_error *why, bsm_error *error)
{
    bsm_status status = fall_back(net, why, error);
    if (!status && net->history) {
        status = replay(net, error);
    }
    if (!status) {
        bsm_history_free(net->history);
        net->history = NULL;
        status = run_call(net, call, error);
    }
    return status;
}

static bsm_status run(bsm_network *net, bsm_device_call *call, bsm_error *error)
{
    const bsm_block *block = &call->block;
    if (block->frames == 0 || block->frames > net->options.max_frames) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%zu frames: this network takes 1 to %zu",
                        block->frames, net->options.max_frames);
    }
    if (net->history && block->commit) {
        bsm_status status = check_history(net, call, error);
        if (status) {
            return status;
        }
    }
    net->last_frames = block->frames;
    call->observed = net->observer || net->transform_observer;
    bsm_error why = {0};
    bsm_status status = queues_modules(net) ? ask(net, &why) : BSM_OK;
    if (!status) {
        status = run_call(net, call, &why);
    }
    if (status && net->fallback && bsm_place_is_at_fault(status)) {
        return go_on_elsewhere(net, call, &why, error);
    }
    if (status) {
        return bsm_fail(error, status, "%s", why.message);
    }
    if (net->history && block->commit) {
        remember(net, call);
    }
    return BSM_OK;
}

static bsm_status check_commit(const bsm_network *net, size_t frames, size_t commit,
                               bsm_error *error)
{
    if (!net->options.streaming) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "this network was not made for streaming");
    }
    if (commit == 0 || commit > frames) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "commit %zu of %zu frames: out of range",
                        commit, frames);
    }
    return BSM_OK;
}

bsm_status bsm_network_forward(bsm_network *network, const float *spectrum, size_t frames,
                               float *const *stems, bsm_error *error)
{
    bsm_device_call call = {
        .block = {.frames = frames, .wanted = frames}, .spectrum = spectrum, .stems = stems};
    return run(network, &call, error);
}

bsm_status bsm_network_stream(bsm_network *network, const float *spectrum, size_t frames,
                              size_t commit, float *const *stems, bsm_error *error)
{
    bsm_status status = check_commit(network, frames, commit, error);
    if (status) {
        return status;
    }
    bsm_device_call call = {.block = {.frames = frames, .wanted = commit, .commit = commit},
                            .spectrum = spectrum,
                            .stems = stems};
    return run(network, &call, error);
}

bsm_status bsm_network_sound(bsm_network *network, const bsm_block *block, const bsm_sound *sound,
                             bsm_error *error)
{
    bsm_status status = BSM_OK;
    if (sound->first >= block->wanted || block->wanted > block->frames ||
        (block->commit && block->wanted != block->commit)) {
        status = bsm_fail(error, BSM_INVALID_ARGUMENT, "frames %zu to %zu of %zu: out of range",
                          sound->first, block->wanted, block->frames);
    } else if (block->commit) {
        status = check_commit(network, block->frames, block->commit, error);
    }
    if (status) {
        return status;
    }
    bsm_device_call call = {.block = *block, .sound = sound};
    return run(network, &call, error);
}

void bsm_network_reset(bsm_network *network)
{
    network->place.device->reset(network->place.workspace);
    if (network->history) {
        bsm_history_clear(network->history);
    }
}

void bsm_network_observe(bsm_network *network, bsm_network_observer *observer, void *user)
{
    network->observer = observer;
    network->observer_user = user;
}

void bsm_network_observe_transforms(bsm_network *network, bsm_transform_observer *observer,
                                    void *user)
{
    network->transform_observer = observer;
    network->transform_user = user;
}

void bsm_network_ask(bsm_network *network, bsm_network_go_on *go_on, void *user)
{
    network->go_on = go_on;
    network->go_on_user = user;
}

void bsm_network_read_features(const bsm_network *network, float *features)
{
    network->place.device->read_features(network->place.workspace, network->last_frames, features);
}
