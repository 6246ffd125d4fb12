/* SPDX-License-Identifier: ISC */
/* The CUDA device's table of modules. */
#include "device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "training/training.h"
#include "workspace.h"

static void describe(char *text, size_t size)
{
    char card[160];
    if (bsm_card_find(card, sizeof card, NULL)) {
        snprintf(text, size, "cuda");
    } else {
        snprintf(text, size, "cuda (%s)", card);
    }
}

static size_t memory(const void *workspace)
{
    const bsm_cuda_space *space = workspace;
    return space->bytes + bsm_cuda_weights_bytes((bsm_cuda_weights *)(uintptr_t)space->weights);
}

static void select_state(void *workspace, size_t state)
{
    bsm_cuda_space *space = workspace;
    space->state = state;
}

static void reset(void *workspace)
{
    const bsm_cuda_space *space = workspace;
    const bsm_config *config = &space->weights->config;
    if (space->states[space->state]) {
        size_t mixers = config->depth * config->num_bands;
        bsm_card_use(space->card);
        bsm_card_zero(space->card, space->states[space->state],
                      mixers * bsm_cuda_state_size(config) * sizeof(float));
        bsm_card_zero(space->card, space->tails[space->state],
                      mixers * bsm_cuda_tail_size(config) * sizeof(float));
    }
}

/* What cannot be read is not a number. */
static void read_features(const void *workspace, size_t frames, float *features)
{
    const bsm_cuda_space *space = workspace;
    const bsm_config *config = &space->weights->config;
    size_t count = config->num_bands * frames * config->dim;
    void *host = NULL;
    bsm_card_use(space->card);
    if (!bsm_card_allocate_host(space->card, count * sizeof *features, &host, NULL)) {
        bsm_card_download(space->card, host, space->x, count * sizeof *features);
        bsm_card_wait(space->card);
    }
    bool read = host && !bsm_card_status(space->card, NULL);
    for (size_t i = 0; i < count; i++) {
        features[i] = read ? ((const float *)host)[i] : NAN;
    }
    bsm_card_release_host(host);
}

const bsm_device bsm_cuda_device = {
    .describe = describe,
    .weights_new = bsm_cuda_weights_new,
    .weights_free = bsm_cuda_weights_free,
    .workspace_new = bsm_cuda_workspace_new,
    .workspace_free = bsm_cuda_workspace_free,
    .memory = memory,
    .select = select_state,
    .reset = reset,
    .run = bsm_cuda_run,
    .analyse = bsm_cuda_analyse,
    .synthesise = bsm_cuda_synthesise,
    .band_split = bsm_cuda_band_split,
    .time_path = bsm_cuda_time_path,
    .band_path = bsm_cuda_band_path,
    .mask = bsm_cuda_mask_stem,
    .read_features = read_features,
    .scan_times = bsm_cuda_scan_times,
    .training = &bsm_cuda_training_table,
};
