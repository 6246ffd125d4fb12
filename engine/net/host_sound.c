/* SPDX-License-Identifier: ISC */
/* The transforms of a call of sound, on the host. */
#include "net/host_sound.h"

#include <stdlib.h>

#include "bsm/stft.h"
#include "signal/overlap_add.h"

struct bsm_host_sound {
    bsm_config config;
    size_t max_frames;
    bsm_stft *stft;
    bsm_overlap_add *overlap_add;
    float *spectrum;
    float *masked[BSM_MAX_STEMS]; /* NULL until first wanted */
    float *wanted[BSM_MAX_STEMS]; /* those of the call in work */
};

static float *spectrum_new(const bsm_host_sound *sound)
{
    return calloc(sound->max_frames, bsm_config_features(&sound->config) * sizeof(float));
}

static bsm_status no_memory(const bsm_host_sound *sound, bsm_error *error)
{
    return bsm_fail(error, BSM_NO_MEMORY, "blocks of %zu frames: out of memory", sound->max_frames);
}

bsm_status bsm_host_sound_new(const bsm_config *config, size_t max_frames, bsm_host_sound **sound,
                              bsm_error *error)
{
    *sound = NULL;
    bsm_host_sound *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a transform");
    }
    made->config = *config;
    made->max_frames = max_frames;
    made->spectrum = spectrum_new(made);
    bsm_status status = made->spectrum ? BSM_OK : no_memory(made, error);
    if (!status) {
        status = bsm_stft_new(config->n_fft, config->hop, config->channels, &made->stft, error);
    }
    if (!status) {
        status = bsm_overlap_add_new(config->n_fft, config->hop, config->channels,
                                     &made->overlap_add, error);
    }
    if (status) {
        bsm_host_sound_free(made);
        return status;
    }
    *sound = made;
    return BSM_OK;
}

void bsm_host_sound_free(bsm_host_sound *sound)
{
    if (sound) {
        for (size_t s = 0; s < BSM_MAX_STEMS; s++) {
            free(sound->masked[s]);
        }
        bsm_stft_free(sound->stft);
        bsm_overlap_add_free(sound->overlap_add);
        free(sound->spectrum);
        free(sound);
    }
}

bsm_status bsm_host_sound_analyse(bsm_host_sound *sound, const bsm_device_call *call,
                                  bsm_device_call *spectral, bsm_error *error)
{
    const bsm_config *config = &sound->config;
    for (size_t s = 0; s < config->num_stems; s++) {
        if (bsm_call_wants(call, s) && !sound->masked[s]) {
            sound->masked[s] = spectrum_new(sound);
            if (!sound->masked[s]) {
                return no_memory(sound, error);
            }
        }
        sound->wanted[s] = bsm_call_wants(call, s) ? sound->masked[s] : NULL;
    }
    for (size_t f = 0; f < call->block.frames; f++) {
        const float *at[BSM_MAX_CHANNELS];
        for (size_t c = 0; c < config->channels; c++) {
            at[c] = call->sound->audio[c] + f * config->hop;
        }
        bsm_stft_analyse(sound->stft, at, sound->spectrum + f * bsm_config_features(config));
    }
    *spectral = *call;
    spectral->sound = NULL;
    spectral->spectrum = sound->spectrum;
    spectral->stems = sound->wanted;
    return BSM_OK;
}

void bsm_host_sound_synthesise(bsm_host_sound *sound, const bsm_device_call *call)
{
    const size_t first = call->sound->first, features = bsm_config_features(&sound->config);
    for (size_t s = 0; s < sound->config.num_stems; s++) {
        if (bsm_call_wants(call, s)) {
            bsm_overlap_add_sum(sound->overlap_add, sound->masked[s] + first * features,
                                call->block.wanted - first, call->sound->stems[s]);
        }
    }
}
