/* SPDX-License-Identifier: ISC */
/* BSMamba2: which modules run in which order, over a window or over a stream.
 *
 * Kim and Choi, "Mamba2 Meets Silence" (2025): band split, dual-path layers, mask estimation. */
#include "bsm/network.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/history.h"
#include "net/place.h"

struct bsm_network {
    bsm_model *model;
    bsm_workspace_options options;
    bsm_place place;
    size_t last_frames;
    bsm_roll roll;
    char device_name[128];

    /* The device to go on with if this one fails; NULL: none. If there is one, a stream's past is
     * remembered, too. */
    const bsm_device *fallback;
    bsm_history *history;
    char note[512];

    bsm_network_observer *observer;
    bsm_network_go_on *go_on;
    void *observer_user, *go_on_user;
};

static bsm_status check_options(const bsm_network_options *options, size_t *threads,
                                bsm_error *error)
{
    if (options->max_frames == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "a network needs max_frames of at least 1");
    }
    if (options->rolling.segment && (!options->streaming || options->rolling.warmup == 0 ||
                                     options->rolling.segment < options->max_frames)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "rolling memory of %zu frames, warm-up of %zu: it is a stream's, whose "
                        "blocks have at most %zu frames here",
                        options->rolling.segment, options->rolling.warmup, options->max_frames);
    }
    return bsm_threads_resolve(options->threads, threads, error);
}

/* ---- The device ---- */

/* Report that the device is given up, and why, and open the one to go on with. */
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

/* Remember as much of a stream as a training example had, or as its state may have seen. */
static size_t frames_to_keep(const bsm_network *net)
{
    const bsm_config *config = bsm_model_config(net->model);
    const size_t segment = net->roll.rule.segment;
    return segment ? segment
                   : (size_t)(config->segment * (double)config->sample_rate / (double)config->hop);
}

static bsm_status open_history(bsm_network *net, bsm_error *error)
{
    if (!net->fallback || !net->options.states) {
        return BSM_OK;
    }
    const bsm_config *config = bsm_model_config(net->model);
    return bsm_history_new(config, frames_to_keep(net), net->options.max_frames, &net->history,
                           error);
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
        .states = !options->streaming        ? 0
                  : options->rolling.segment ? 2
                                             : 1,
        .precision = options->precision,
    };
    net->roll.rule = options->rolling;
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

const char *bsm_network_note(const bsm_network *network)
{
    return network->note;
}

size_t bsm_network_gpu_memory(const bsm_network *network)
{
    const bsm_place *place = &network->place;
    return place->device->memory ? place->device->memory(place->workspace) : 0;
}

bsm_status bsm_network_scan_times(bsm_network *network, size_t frames, size_t repeats,
                                  bsm_scan_times *times, bsm_error *error)
{
    const bsm_place *place = &network->place;
    if (!place->device->scan_times) {
        return bsm_fail(error, BSM_UNSUPPORTED, "%s: its scan alone cannot be timed",
                        network->device_name);
    }
    return place->device->scan_times(place->workspace, frames, repeats, times, error);
}

/* ---- The modules ---- */

static bsm_status ask(const bsm_network *net, bsm_error *error)
{
    return !net->go_on || net->go_on(net->go_on_user) ? BSM_OK
                                                      : bsm_fail(error, BSM_CANCELLED, "cancelled");
}

static bsm_status observe(const bsm_network *net, bsm_module module, size_t layer, bsm_error *error)
{
    if (net->observer && !net->observer(net->observer_user, module, layer)) {
        return bsm_fail(error, BSM_CANCELLED, "cancelled");
    }
    return bsm_place_queues(&net->place) ? BSM_OK : ask(net, error);
}

/* Ends a module that returned `status`. */
static bsm_status end_module(const bsm_network *net, bsm_module module, size_t number,
                             bsm_status status, bsm_error *error)
{
    return status ? status : observe(net, module, number, error);
}

static bool is_heard(const bsm_network *net, const bsm_block *block)
{
    bool heard = false;
    for (size_t s = 0; s < bsm_model_config(net->model)->num_stems; s++) {
        heard = heard || block->stems[s];
    }
    return heard;
}

/* Only the last layer's output may be cut to the wanted frames: every layer before it needs the
 * frames ahead. A stream's state does not depend on what follows its last path along time. */
static bsm_status run_layers(const bsm_network *net, const bsm_block *block, bsm_error *error)
{
    const bsm_place *place = &net->place;
    const size_t depth = bsm_model_config(net->model)->depth;
    bsm_status status = BSM_OK;
    for (size_t layer = 0; layer < depth && !status; layer++) {
        bsm_block part = *block;
        if (layer + 1 < depth) {
            part.wanted = part.frames;
        }
        status = place->device->time_path(place->workspace, layer, &part, error);
        status = end_module(net, BSM_MODULE_TIME_PATH, layer, status, error);
        if (!status && (layer + 1 < depth || is_heard(net, block))) {
            status = place->device->band_path(place->workspace, layer, &part, error);
            status = end_module(net, BSM_MODULE_BAND_PATH, layer, status, error);
        }
    }
    return status;
}

static bsm_status run_stem(const bsm_network *net, size_t stem, const bsm_block *block,
                           bsm_error *error)
{
    bsm_status status = bsm_place_mask(&net->place, stem, block, error);
    status = end_module(net, BSM_MODULE_MASK, stem, status, error);
    if (!status) {
        status = bsm_place_synthesise(&net->place, stem, block, error);
        status = end_module(net, BSM_MODULE_INVERSE_STFT, stem, status, error);
    }
    return status;
}

static bsm_status run_modules(void *network, const bsm_block *block, bsm_error *error)
{
    const bsm_network *net = network;
    bsm_status status = bsm_place_analyse(&net->place, block, error);
    status = end_module(net, BSM_MODULE_STFT, 0, status, error);
    if (!status) {
        status = bsm_place_band_split(&net->place, block, error);
        status = end_module(net, BSM_MODULE_BAND_SPLIT, 0, status, error);
    }
    if (!status) {
        status = run_layers(net, block, error);
    }
    for (size_t s = 0; s < bsm_model_config(net->model)->num_stems && !status; s++) {
        if (block->stems[s]) {
            status = run_stem(net, s, block, error);
        }
    }
    return status;
}

/* ---- Blocks ---- */

static float *const *const NO_STEMS[BSM_MAX_STEMS] = {NULL};

static bsm_status run_once(bsm_network *net, const bsm_block *block, bsm_error *error)
{
    const bsm_device_modules modules = {
        .run = run_modules, .network = net, .observed = net->observer != NULL};
    return bsm_place_run(&net->place, block, &modules, error);
}

static bsm_status run_state(bsm_network *net, size_t state, const bsm_block *block,
                            bsm_error *error)
{
    const bsm_place *place = &net->place;
    place->device->select(place->workspace, state);
    if (net->roll.age[state] == 0) {
        place->device->reset(place->workspace);
    }
    return run_once(net, block, error);
}

/* The state that is heard runs last, because what it adds to the stems remains there. */
static bsm_status run_block(bsm_network *net, const bsm_block *block, bsm_error *error)
{
    if (!block->commit) {
        return run_once(net, block, error);
    }
    bsm_block heard = *block;
    bsm_status status = BSM_OK;
    if (net->roll.warms) {
        bsm_block warmed = *block;
        warmed.stems = NO_STEMS;
        status = run_state(net, 1 - net->roll.heard, &warmed, error);
        heard.shared = block->frames;
    }
    return status ? status : run_state(net, net->roll.heard, &heard, error);
}

/* Restore a stream's states on its present device by computing its last blocks again: for each
 * state, from the block where it was zero, or from the oldest block that is remembered. */
static bsm_status replay_state(bsm_network *net, size_t state, bsm_error *error)
{
    const bsm_place *place = &net->place;
    place->device->select(place->workspace, state);
    place->device->reset(place->workspace);
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < bsm_history_count(net->history) && !status; i++) {
        bsm_block past = bsm_history_at(net->history, i);
        past.stems = NO_STEMS;
        if (bsm_history_since(net->history, i) <= net->roll.age[state]) {
            status = run_once(net, &past, error);
        }
    }
    return status;
}

static bsm_status replay(bsm_network *net, bsm_error *error)
{
    bsm_network_observer *observer = net->observer;
    net->observer = NULL;
    bsm_status status = BSM_OK;
    for (size_t s = 0; s < net->options.states && !status; s++) {
        status = replay_state(net, s, error);
    }
    net->observer = observer;
    return status;
}

/* Compute the block again on the other device, because the one that should have done it is given
 * up. That one did whole blocks, so it has added nothing to the stems. If a window fails, a stream
 * of this network moves to the other device, too. From then on nothing needs to be remembered. */
static bsm_status go_on_elsewhere(bsm_network *net, const bsm_block *block, const bsm_error *why,
                                  bsm_error *error)
{
    bsm_status status = fall_back(net, why, error);
    if (!status && net->history) {
        status = replay(net, error);
    }
    if (!status) {
        bsm_history_free(net->history);
        net->history = NULL;
        status = run_block(net, block, error);
    }
    return status;
}

static bsm_status check_block(const bsm_network *net, const bsm_block *block, bsm_error *error)
{
    if (block->frames == 0 || block->frames > net->options.max_frames) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%zu frames: this network takes 1 to %zu",
                        block->frames, net->options.max_frames);
    }
    if (block->first >= block->wanted || block->wanted > block->frames ||
        block->shared > block->frames) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "frames %zu to %zu of %zu: out of range",
                        block->first, block->wanted, block->frames);
    }
    if (block->commit && !net->options.states) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "this network was not made for streaming");
    }
    if (block->commit && block->commit != block->wanted) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "commit %zu of %zu wanted frames",
                        block->commit, block->wanted);
    }
    return BSM_OK;
}

bsm_status bsm_network_run(bsm_network *net, const bsm_block *block, bsm_error *error)
{
    bsm_status status = check_block(net, block, error);
    if (status) {
        return status;
    }
    bsm_error why = {0};
    net->last_frames = block->frames;
    if (block->commit) {
        bsm_roll_begin(&net->roll, block);
    }
    status = bsm_place_queues(&net->place) ? ask(net, &why) : BSM_OK;
    if (!status) {
        status = run_block(net, block, &why);
    }
    if (status && net->fallback && bsm_place_is_at_fault(status)) {
        status = go_on_elsewhere(net, block, &why, error);
    } else if (status) {
        return bsm_fail(error, status, "%s", why.message);
    }
    if (!status && block->commit) {
        bsm_roll_end(&net->roll, block);
    }
    if (!status && block->commit && net->history) {
        bsm_history_add(net->history, block);
    }
    return status;
}

void bsm_network_reset(bsm_network *network)
{
    bsm_roll_reset(&network->roll);
    if (network->history) {
        bsm_history_clear(network->history);
    }
}

void bsm_network_observe(bsm_network *network, bsm_network_observer *observer, void *user)
{
    network->observer = observer;
    network->observer_user = user;
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
