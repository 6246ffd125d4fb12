/* SPDX-License-Identifier: ISC */
#include "blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise.h"

bsm_model *open_config(const bsm_config *config)
{
    bsm_error error = {0};
    bsm_model *model = NULL;
    if (bsm_model_new_untrained(config, &model, &error)) {
        fail_msg("%s", error.message);
    }
    return model;
}

bsm_model *open_preset(const char *name)
{
    bsm_config config;
    assert_int_equal(bsm_config_preset(name, &config, NULL), BSM_OK);
    return open_config(&config);
}

bsm_network *open_network(bsm_model *model, bsm_device_kind device, size_t threads,
                          size_t max_frames)
{
    bsm_error error = {0};
    bsm_network *network = NULL;
    bsm_network_options options = {
        .device = device, .threads = threads, .max_frames = max_frames, .streaming = true};
    if (bsm_network_new(model, &options, &network, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

size_t covered(const bsm_config *config, size_t frames)
{
    return (frames - 1) * config->hop + config->n_fft;
}

float *new_samples(const bsm_config *config, size_t frames)
{
    float *samples = calloc(config->channels * covered(config, frames), sizeof *samples);
    assert_non_null(samples);
    return samples;
}

float *noise_samples(const bsm_config *config, size_t frames, unsigned int seed)
{
    float *samples = new_samples(config, frames);
    uint64_t state = seed;
    noise_fill(&state, samples, config->channels * covered(config, frames));
    return samples;
}

bsm_status run_block(bsm_network *network, const float *samples, size_t frames, size_t start,
                     bsm_block block, float *out, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(bsm_network_model(network));
    const float *audio[BSM_MAX_CHANNELS];
    float *planes[BSM_MAX_CHANNELS];
    float *const *stems[BSM_MAX_STEMS] = {planes};
    for (size_t c = 0; c < config->channels; c++) {
        const size_t at = c * covered(config, frames) + start * config->hop;
        audio[c] = samples + at;
        planes[c] = out + at;
    }
    block.audio = audio;
    block.stems = stems;
    return bsm_network_run(network, &block, error);
}

static void clear(const bsm_network *network, size_t frames, float *out)
{
    const bsm_config *config = bsm_model_config(bsm_network_model(network));
    memset(out, 0, config->channels * covered(config, frames) * sizeof *out);
}

void run_stream(bsm_network *network, const float *samples, size_t frames, size_t commit,
                size_t lookahead, float *out)
{
    bsm_error error = {0};
    bsm_network_reset(network);
    clear(network, frames, out);
    for (size_t t = 0, shared = 0; t < frames; t += commit) {
        const size_t left = frames - t, seen = commit + lookahead;
        bsm_block block = {.frames = seen < left ? seen : left, .shared = shared};
        block.wanted = block.commit = commit < block.frames ? commit : block.frames;
        if (run_block(network, samples, frames, t, block, out, &error)) {
            fail_msg("%s", error.message);
        }
        shared = block.frames - block.commit;
    }
}

void run_window(bsm_network *network, const float *samples, size_t frames, float *out)
{
    bsm_error error = {0};
    clear(network, frames, out);
    if (run_block(network, samples, frames, 0, (bsm_block){.frames = frames, .wanted = frames}, out,
                  &error)) {
        fail_msg("%s", error.message);
    }
}
