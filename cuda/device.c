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
    char gpu[160];
    if (bsm_gpu_find(gpu, sizeof gpu, NULL)) {
        snprintf(text, size, "cuda");
    } else {
        snprintf(text, size, "cuda (%s)", gpu);
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
        bsm_gpu_use(space->gpu);
        bsm_gpu_zero(space->gpu, space->states[space->state],
                     mixers * bsm_cuda_state_size(config) * sizeof(float));
        bsm_gpu_zero(space->gpu, space->tails[space->state],
                     mixers * bsm_cuda_tail_size(config) * sizeof(float));
    }
}

/* Features that cannot be read back are reported as NaN. */
static void read_features(const void *workspace, size_t frames, float *features)
{
    const bsm_cuda_space *space = workspace;
    const bsm_config *config = &space->weights->config;
    size_t count = config->num_bands * frames * config->dim;
    void *host = NULL;
    bsm_gpu_use(space->gpu);
    if (!bsm_gpu_allocate_host(space->gpu, count * sizeof *features, &host, NULL)) {
        bsm_gpu_download(space->gpu, host, space->x, count * sizeof *features);
        bsm_gpu_wait(space->gpu);
    }
    bool read = host && !bsm_gpu_status(space->gpu, NULL);
    for (size_t i = 0; i < count; i++) {
        features[i] = read ? ((const float *)host)[i] : NAN;
    }
    bsm_gpu_release_host(host);
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
