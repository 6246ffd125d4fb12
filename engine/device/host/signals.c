/* SPDX-License-Identifier: ISC */
/* The item's signals: their memory, and how an item is loaded. */
#include "device/host/host.h"

#include <stdlib.h>

#include "device/carve.h"

static bsm_transform_options model_transform(const bsm_config *config,
                                             const bsm_training_options *options)
{
    return (bsm_transform_options){
        .n_fft = config->n_fft,
        .window = config->n_fft,
        .hop = config->hop,
        .channels = config->channels,
        .samples = options->samples,
        .threads = options->threads,
        .inverse = true,
    };
}

static bsm_transform_options loss_transform(const bsm_config *config,
                                            const bsm_training_options *options, size_t window)
{
    return (bsm_transform_options){
        .n_fft = window > config->n_fft ? window : config->n_fft,
        .window = window,
        .hop = options->loss.hop,
        .channels = config->channels,
        .samples = options->samples,
        .threads = options->threads,
    };
}

/* Divide the block of memory among the spectra and the signals, or count its bytes. */
static void divide(bsm_host *host, bsm_host_signals *signals, bsm_carver *carver)
{
    const bsm_config *config = &host->config;
    const size_t samples = host->options.samples;
    const size_t floats = (1 + samples / config->hop) * bsm_config_features(config);
    host->mixture = bsm_carve_floats(carver, floats);
    host->masked = bsm_carve_floats(carver, floats);
    host->masked_gradient = bsm_carve_floats(carver, floats);
    for (size_t c = 0; c < config->channels; c++) {
        signals->difference[c] = bsm_carve_floats(carver, samples);
        signals->gradient[c] = bsm_carve_floats(carver, samples);
        for (size_t stem = 0; stem < config->num_stems; stem++) {
            signals->targets[stem][c] = bsm_carve_floats(carver, samples);
        }
    }
}

static bsm_status make_transforms(const bsm_host *host, bsm_error *error)
{
    const bsm_loss_options *loss = &host->options.loss;
    bsm_transform_options options = model_transform(&host->config, &host->options);
    bsm_status status = bsm_transform_new(&options, &host->signals->model, error);
    for (size_t i = 0; !status && i < loss->num_windows; i++) {
        options = loss_transform(&host->config, &host->options, loss->windows[i]);
        status = bsm_transform_new(&options, &host->signals->windows[i], error);
    }
    return status;
}

bsm_status bsm_host_signals_new(bsm_host *host, bsm_error *error)
{
    bsm_host_signals *signals = calloc(1, sizeof *signals);
    host->signals = signals;
    if (!signals) {
        return bsm_fail(error, BSM_NO_MEMORY, "training: out of memory");
    }
    bsm_carver carver = {0};
    divide(host, signals, &carver);
    signals->memory = aligned_alloc(BSM_CARVE_ALIGNMENT, carver.used);
    if (!signals->memory) {
        return bsm_fail(error, BSM_NO_MEMORY, "training: no memory for %zu samples",
                        host->options.samples);
    }
    carver = (bsm_carver){.block = signals->memory};
    divide(host, signals, &carver);
    return make_transforms(host, error);
}

void bsm_host_signals_free(bsm_host_signals *signals)
{
    if (signals) {
        bsm_transform_free(signals->model);
        for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
            bsm_transform_free(signals->windows[i]);
        }
        free(signals->memory);
        free(signals);
    }
}

size_t bsm_host_signals_bytes(const bsm_config *config, const bsm_training_options *options)
{
    bsm_host host = {.config = *config, .options = *options};
    bsm_host_signals signals;
    bsm_carver carver = {0};
    divide(&host, &signals, &carver);
    bsm_transform_options transform = model_transform(config, options);
    size_t bytes = sizeof signals + carver.used + bsm_transform_bytes(&transform);
    for (size_t i = 0; i < options->loss.num_windows; i++) {
        transform = loss_transform(config, options, options->loss.windows[i]);
        bytes += bsm_transform_bytes(&transform);
    }
    return bytes;
}

bsm_status bsm_host_load(void *space, const bsm_training_item *item, bsm_error *error)
{
    (void)error;
    bsm_host *host = space;
    bsm_transform *transform = host->signals->model;
    host->item = item;
    bsm_transform_forward(transform, item->mixture, host->mixture);
    for (size_t stem = 0; stem < host->config.num_stems; stem++) {
        bsm_transform_forward(transform, item->stems[stem], host->masked);
        bsm_transform_inverse(transform, host->masked, host->signals->targets[stem]);
    }
    return BSM_OK;
}
