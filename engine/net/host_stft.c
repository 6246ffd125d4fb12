/* SPDX-License-Identifier: ISC */
/* Computes the transforms of a network's blocks on the host. */
#include "net/place.h"

#include <stdlib.h>
#include <string.h>

#include "bsm/stft.h"
#include "signal/signal.h"

struct bsm_host_stft {
    size_t hop, channels, features;
    size_t frames; /* of the last block */
    bsm_stft *stft;
    float *mixture, *stem; /* [max_frames][features] */
};

bsm_status bsm_host_stft_new(const bsm_config *config, size_t max_frames, bsm_host_stft **stft,
                             bsm_error *error)
{
    bsm_host_stft *made = calloc(1, sizeof *made);
    if (made) {
        made->hop = config->hop;
        made->channels = config->channels;
        made->features = bsm_config_features(config);
        made->mixture = calloc(max_frames, made->features * sizeof(float));
        made->stem = calloc(max_frames, made->features * sizeof(float));
    }
    bsm_status status =
        made && made->mixture && made->stem
            ? bsm_stft_new(config->n_fft, config->hop, config->channels, &made->stft, error)
            : bsm_fail(error, BSM_NO_MEMORY, "blocks of %zu frames: out of memory", max_frames);
    if (status) {
        bsm_host_stft_free(made);
        made = NULL;
    }
    *stft = made;
    return status;
}

void bsm_host_stft_free(bsm_host_stft *stft)
{
    if (stft) {
        bsm_stft_free(stft->stft);
        free(stft->mixture);
        free(stft->stem);
        free(stft);
    }
}

/* The last frames of the last block become the first ones of the next. If there was no block, none
 * are shared, whatever the caller says. */
static size_t keep_shared(bsm_host_stft *stft, size_t shared)
{
    if (shared > stft->frames) {
        return 0;
    }
    memmove(stft->mixture, stft->mixture + (stft->frames - shared) * stft->features,
            shared * stft->features * sizeof(float));
    return shared;
}

void bsm_host_stft_analyse(bsm_host_stft *stft, const bsm_block *block)
{
    for (size_t f = keep_shared(stft, block->shared); f < block->frames; f++) {
        const float *at[BSM_MAX_CHANNELS];
        for (size_t c = 0; c < stft->channels; c++) {
            at[c] = block->audio[c] + f * stft->hop;
        }
        bsm_stft_analyse(stft->stft, at, stft->mixture + f * stft->features);
    }
    stft->frames = block->frames;
}

void bsm_host_stft_synthesise(bsm_host_stft *stft, size_t stem, const bsm_block *block)
{
    for (size_t f = block->first; f < block->wanted; f++) {
        float *at[BSM_MAX_CHANNELS];
        bsm_planes_at(block->stems[stem], stft->channels, (f - block->first) * stft->hop, at);
        bsm_stft_synthesise(stft->stft, stft->stem + f * stft->features, at);
    }
}

const float *bsm_host_stft_mixture(const bsm_host_stft *stft)
{
    return stft->mixture;
}

float *bsm_host_stft_stem(const bsm_host_stft *stft)
{
    return stft->stem;
}
