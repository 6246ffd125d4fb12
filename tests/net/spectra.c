/* SPDX-License-Identifier: ISC */
#include "spectra.h"

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

float *new_spectrum(const bsm_config *config, size_t frames)
{
    float *spectrum = calloc(frames * bsm_config_features(config), sizeof *spectrum);
    assert_non_null(spectrum);
    return spectrum;
}

static bsm_stft *open_stft(const bsm_config *config)
{
    bsm_stft *stft = NULL;
    assert_int_equal(bsm_stft_new(config->n_fft, config->hop, config->channels, &stft, NULL),
                     BSM_OK);
    return stft;
}

float *spectrum_of(const bsm_config *config, const golden_tensor *audio, size_t *frames)
{
    bsm_stft *stft = open_stft(config);
    size_t samples = audio->shape[1];
    const float *channels[2] = {audio->data, audio->data + samples};
    *frames = bsm_stft_frames(stft, samples);
    float *spectrum = new_spectrum(config, *frames);
    bsm_stft_forward(stft, channels, samples, spectrum);
    bsm_stft_free(stft);
    return spectrum;
}

float *waveform_of(const bsm_config *config, const float *spectrum, size_t frames, size_t samples)
{
    bsm_stft *stft = open_stft(config);
    float *audio = calloc(config->channels * samples, sizeof *audio);
    assert_non_null(audio);
    float *channels[2] = {audio, audio + samples};
    bsm_stft_inverse(stft, spectrum, frames, channels, samples);
    bsm_stft_free(stft);
    return audio;
}

float *noise_spectrum(const bsm_config *config, size_t frames, unsigned int seed)
{
    float *spectrum = new_spectrum(config, frames);
    uint64_t state = seed;
    noise_fill(&state, spectrum, frames * bsm_config_features(config));
    return spectrum;
}

void run_stream(bsm_network *network, const float *spectrum, size_t frames, size_t commit,
                size_t lookahead, float *out)
{
    const bsm_config *config = bsm_model_config(bsm_network_model(network));
    size_t features = bsm_config_features(config);
    bsm_error error = {0};
    bsm_network_reset(network);
    for (size_t t = 0; t < frames; t += commit) {
        size_t left = frames - t, seen = commit + lookahead < left ? commit + lookahead : left;
        float *stems[BSM_MAX_STEMS] = {out + t * features};
        if (bsm_network_stream(network, spectrum + t * features, seen,
                               commit < seen ? commit : seen, stems, &error)) {
            fail_msg("%s", error.message);
        }
    }
}

void run_window(bsm_network *network, const float *spectrum, size_t frames, float *out)
{
    bsm_error error = {0};
    float *stems[BSM_MAX_STEMS] = {out};
    if (bsm_network_forward(network, spectrum, frames, stems, &error)) {
        fail_msg("%s", error.message);
    }
}
