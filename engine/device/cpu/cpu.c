/* SPDX-License-Identifier: ISC */
/* The CPU device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/team.h"
#include "device/carve.h"
#include "device/cpu/matrix.h"
#include "device/cpu/workspace.h"

typedef struct tasks {
    bsm_cpu_task *task;
    void *job;
} tasks;

static void run_tasks(void *job, size_t thread, bsm_region *region)
{
    const tasks *t = job;
    const bsm_thread_mode mode = bsm_cpu_enter_thread();
    for (size_t index; bsm_region_next(region, &index);) {
        t->task(t->job, thread, index);
    }
    bsm_cpu_leave_thread(mode);
}

void bsm_cpu_run(size_t threads, size_t count, bsm_cpu_task *task, void *job)
{
    bsm_team_run(threads, count, run_tasks, &(tasks){task, job});
}

/* ---- The CPU device: its memory and its table of modules ---- */

static void describe(char *text, size_t size)
{
    snprintf(text, size, "cpu (%s, %s)", bsm_kernels_get()->name, bsm_cpu_product_name());
}

static void describe_bf16(char *text, size_t size)
{
    snprintf(text, size, "cpu (%s, %s, bfloat16 by %s)", bsm_kernels_get()->name,
             bsm_cpu_product_name(), bsm_packed_bf16()->name);
}

static void describe_int8(char *text, size_t size)
{
    snprintf(text, size, "cpu (%s, %s, int8 by %s)", bsm_kernels_get()->name,
             bsm_cpu_product_name(), bsm_packed_int8()->name);
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t widest_features(const bsm_cpu_weights *weights)
{
    size_t widest = 0;
    for (size_t k = 0; k < weights->config.num_bands; k++) {
        widest = max(widest, weights->bands[k].features);
    }
    return widest;
}

static void divide_thread(const bsm_cpu_workspace *space, bsm_carver *carver,
                          bsm_cpu_thread *thread)
{
    const bsm_config *config = &space->weights->config;
    size_t dim = config->dim, longest = max(space->options.max_frames, config->num_bands);
    void *tile = bsm_carve(carver, bsm_cpu_tile_size(config));
    float *state = bsm_carve_floats(carver, bsm_cpu_state_size(config));
    float *forward = bsm_carve_floats(carver, longest * dim);
    float *backward = bsm_carve_floats(carver, BSM_CHUNK * dim);
    float *reversed = bsm_carve_floats(carver, BSM_CHUNK * dim);
    float *hidden = bsm_carve_floats(carver, BSM_CHUNK * config->mask_expansion * dim);
    float *values = bsm_carve_floats(carver, BSM_CHUNK * 2 * widest_features(space->weights));
    if (carver->block) {
        const bool rounds = space->weights->precision != BSM_PRECISION_FLOAT32;
        *thread = (bsm_cpu_thread){.tile = bsm_cpu_tile_at(config, space->kernels, tile),
                                   .state = bsm_cpu_state_at(config, state),
                                   .forward = forward,
                                   .backward = backward,
                                   .reversed = reversed,
                                   .hidden = hidden,
                                   .values = values};
        thread->tile.rounds = rounds && bsm_packed_bf16() && bsm_scan_bf16_fits(config);
    }
}

static size_t stream_size(const bsm_config *config)
{
    return config->depth * config->num_bands * bsm_cpu_state_size(config);
}

static void divide(bsm_cpu_workspace *space, bsm_carver *carver)
{
    const bsm_config *config = &space->weights->config;
    space->threads = bsm_carve(carver, space->options.threads * sizeof *space->threads);
    space->x =
        bsm_carve_floats(carver, config->num_bands * space->options.max_frames * config->dim);
    for (size_t s = 0; s < space->options.states; s++) {
        space->streams[s] = bsm_carve_floats(carver, stream_size(config));
    }
    for (size_t t = 0; t < space->options.threads; t++) {
        divide_thread(space, carver, carver->block ? &space->threads[t] : NULL);
    }
}

static void workspace_free(void *workspace)
{
    bsm_cpu_workspace *space = workspace;
    bsm_team_leave();
    free(space->memory);
    free(space);
}

static bsm_status workspace_new(const void *weights, const bsm_workspace_options *options,
                                void **workspace, bsm_error *error)
{
    bsm_cpu_workspace *space = calloc(1, sizeof *space);
    if (!space) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a network");
    }
    space->weights = weights;
    space->kernels = bsm_kernels_get();
    space->options = *options;
    bsm_team_join(options->threads);

    bsm_carver sizing = {0};
    divide(space, &sizing);
    space->memory = bsm_large_alloc(sizing.used);
    if (!space->memory) {
        workspace_free(space);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a network: %zu MB for %zu frames",
                        sizing.used / 1000000, options->max_frames);
    }
    memset(space->memory, 0, sizing.used);
    bsm_carver real = {.block = space->memory};
    divide(space, &real);
    *workspace = space;
    return BSM_OK;
}

static void select_state(void *workspace, size_t state)
{
    bsm_cpu_workspace *space = workspace;
    space->state = state;
}

static void reset(void *workspace)
{
    bsm_cpu_workspace *space = workspace;
    space->started[space->state] = false;
}

static void read_features(const void *workspace, size_t frames, float *features)
{
    const bsm_cpu_workspace *space = workspace;
    const bsm_config *config = &space->weights->config;
    memcpy(features, space->x, config->num_bands * frames * config->dim * sizeof *features);
}

#define CPU_DEVICE(describes, new_weights)                                                         \
    {                                                                                              \
        .describe = describes, .weights_new = new_weights, .weights_free = bsm_cpu_weights_free,   \
        .workspace_new = workspace_new, .workspace_free = workspace_free, .select = select_state,  \
        .reset = reset, .band_split = bsm_cpu_band_split, .time_path = bsm_cpu_time_path,          \
        .band_path = bsm_cpu_band_path, .mask = bsm_cpu_mask, .read_features = read_features,      \
        .training = &bsm_cpu_training,                                                             \
    }

const bsm_device bsm_cpu_device = CPU_DEVICE(describe, bsm_cpu_weights_new);
const bsm_device bsm_cpu_bf16_device = CPU_DEVICE(describe_bf16, bsm_cpu_weights_new_bf16);
const bsm_device bsm_cpu_int8_device = CPU_DEVICE(describe_int8, bsm_cpu_weights_new_int8);

const bsm_device *bsm_cpu_device_for(bsm_precision precision)
{
    if (precision == BSM_PRECISION_INT8 && bsm_packed_int8()) {
        return &bsm_cpu_int8_device;
    }
    const bool rounds = precision == BSM_PRECISION_INT8 || precision == BSM_PRECISION_BFLOAT16;
    return rounds && bsm_packed_bf16() ? &bsm_cpu_bf16_device : &bsm_cpu_device;
}

void bsm_cpu_describe_precisions(char *text, size_t size)
{
    const bsm_packed_kernels *bf16 = bsm_packed_bf16(), *int8 = bsm_packed_int8();
    const char *instead = bf16 ? "bfloat16" : "float32";
    snprintf(text, size, "; bfloat16 %s %s, int8 %s %s", bf16 ? "by" : "as",
             bf16 ? bf16->name : "float32", int8 ? "by" : "as", int8 ? int8->name : instead);
}
