/* SPDX-License-Identifier: ISC */
/* Creates the GPU's memory of a training. */
#include "training/space.h"

#include <stdlib.h>

/* ---- Without memory of the GPU ---- */

static bsm_mixer_shape shape_of(const bsm_config *config)
{
    return (bsm_mixer_shape){.heads = (uint32_t)bsm_config_heads(config),
                             .headdim = (uint32_t)config->headdim,
                             .d_state = (uint32_t)config->d_state,
                             .taps = (uint32_t)config->d_conv};
}

static bsm_status allocate_host_tables(bsm_cuda_training *space, bsm_error *error)
{
    const bsm_config *config = &space->config;
    space->runs = calloc(config->num_bands, sizeof *space->runs);
    space->kept = calloc(2 * config->depth, sizeof *space->kept);
    space->weights.time = calloc(config->depth, sizeof *space->weights.time);
    space->weights.band = calloc(config->depth, sizeof *space->weights.band);
    if (!space->runs || !space->kept || !space->weights.time || !space->weights.band) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for training");
    }
    space->num_runs = bsm_band_runs(config, space->runs);
    return BSM_OK;
}

/* The GPU stores positions in the vectors in 32 bits. */
static bsm_status check_size(const bsm_cuda_training *space, bsm_error *error)
{
    if (space->places.size > UINT32_MAX || space->options.samples > INT32_MAX) {
        return bsm_fail(error, BSM_NO_MEMORY, "cuda: training: too large a model or item");
    }
    return bsm_cuda_check_size(&space->config, space->frames, error);
}

/* Set everything that dividing the memory depends on. */
static bsm_status measure(bsm_cuda_training *space, bsm_error *error)
{
    const bsm_config *config = &space->config;
    bsm_status status = bsm_places_new(config, &space->places, error);
    if (!status) {
        status = check_size(space, error);
    }
    if (!status) {
        status = allocate_host_tables(space, error);
    }
    if (!status) {
        status = bsm_gpu_new(space->options.precision, &space->gpu, error);
    }
    if (!status) {
        status = bsm_gpu_signals_open(space, error);
    }
    if (status) {
        return status;
    }
    space->weights.config = *config;
    space->net =
        (bsm_cuda_space){.weights = &space->weights, .shape = shape_of(config), .gpu = space->gpu};
    space->net.limits = bsm_cuda_slab_limits(&space->net, space->frames);
    return BSM_OK;
}

static bsm_cuda_training *space_of(const bsm_config *config, const bsm_training_options *options)
{
    bsm_cuda_training *space = calloc(1, sizeof *space);
    if (space) {
        space->config = *config;
        space->options = *options;
        space->frames = 1 + options->samples / config->hop;
        space->rows = space->frames * config->num_bands;
    }
    return space;
}

void bsm_cuda_training_free(void *opaque)
{
    bsm_cuda_training *space = opaque;
    if (!space) {
        return;
    }
    if (space->gpu) {
        bsm_gpu_use(space->gpu);
        bsm_peers_leave(space->peers);
        bsm_gpu_wait(space->gpu);
    }
    bsm_gpu_signals_close(space);
    bsm_gpu_release_host(space->host_audio);
    bsm_gpu_release_host(space->host_piece);
    bsm_gpu_release_host(space->host_sums);
    bsm_gpu_release(space->memory);
    bsm_gpu_free(space->gpu);
    bsm_places_clear(&space->places);
    free(space->runs);
    free(space->kept);
    free(space->weights.time);
    free(space->weights.band);
    free(space);
}

bsm_status bsm_cuda_training_plan(const bsm_config *config, const bsm_training_options *options,
                                  bsm_training_memory *memory, bsm_error *error)
{
    bsm_cuda_training *space = space_of(config, options);
    if (!space) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for training");
    }
    bsm_status status = measure(space, error);
    if (!status) {
        bsm_carver sizing = {0};
        bsm_cuda_training_divide(space, &sizing, memory);
    }
    bsm_cuda_training_free(space);
    return status;
}

/* ---- With it ---- */

static bsm_status allocate_on_host(bsm_cuda_training *space, bsm_error *error)
{
    const size_t plane = space->config.channels * space->options.samples;
    void *audio = NULL, *piece = NULL, *sums = NULL;
    bsm_status status = bsm_gpu_allocate_host(
        space->gpu, (1 + space->config.num_stems) * plane * sizeof(float), &audio, error);
    if (!status) {
        status = bsm_gpu_allocate_host(space->gpu, BSM_PIECE_FLOATS * sizeof(float), &piece, error);
    }
    if (!status) {
        status = bsm_gpu_allocate_host(space->gpu, BSM_NUM_TERMS * sizeof(double), &sums, error);
    }
    space->host_audio = audio;
    space->host_piece = piece;
    space->host_sums = sums;
    return status;
}

static bsm_status allocate(bsm_cuda_training *space, bsm_error *error)
{
    bsm_training_memory memory;
    bsm_carver sizing = {0};
    char what[80];
    bsm_cuda_training_divide(space, &sizing, &memory);
    bsm_format_line(what, sizeof what, "training on %zu frames", space->frames);
    bsm_status status = bsm_gpu_allocate(space->gpu, sizing.used, what, &space->memory, error);
    if (status) {
        return status;
    }
    bsm_carver real = {.block = space->memory};
    bsm_cuda_training_divide(space, &real, &memory);
    return allocate_on_host(space, error);
}

static bsm_cuda_mixer mixer_at(const bsm_cuda_training *space, size_t path, size_t direction)
{
    const bsm_mixer_places *p = &space->places.paths[path].mixers[direction];
    const float *parameters = space->vectors[BSM_PARAMETERS];
    return (bsm_cuda_mixer){.norm = parameters + p->norm,
                            .in_proj = p->in_proj,
                            .conv_weight = parameters + p->conv_weight,
                            .conv_bias = parameters + p->conv_bias,
                            .dt_bias = parameters + p->dt_bias,
                            .A = space->A +
                                 (2 * path + direction) * bsm_config_heads(&space->config),
                            .D = parameters + p->D,
                            .gate_norm = parameters + p->gate_norm,
                            .out_proj = p->out_proj};
}

/* Point the forward mixer's weights at the parameters. */
static void bind_weights(bsm_cuda_training *space)
{
    space->weights.matrices = space->vectors[BSM_PARAMETERS];
    space->weights.bf16 = space->bf16;
    for (size_t path = 0; path < 2 * space->config.depth; path++) {
        bsm_cuda_path *to =
            path % 2 ? &space->weights.band[path / 2] : &space->weights.time[path / 2];
        to->forward = mixer_at(space, path, 0);
        to->backward = mixer_at(space, path, 1);
    }
}

/* Set the initial contents; gradients and moments start at zero. */
static bsm_status fill(bsm_cuda_training *space, const float *parameters, bsm_error *error)
{
    const size_t bytes = space->places.size * sizeof *parameters;
    bsm_gpu_zero(space->gpu, space->vectors[BSM_GRADIENTS], bytes);
    bsm_gpu_zero(space->gpu, space->vectors[BSM_FIRST_MOMENTS], bytes);
    bsm_gpu_zero(space->gpu, space->vectors[BSM_SECOND_MOMENTS], bytes);
    bsm_status status = bsm_cuda_training_write(space, BSM_PARAMETERS, parameters, error);
    if (!status) {
        status = bsm_cuda_training_write(space, BSM_AVERAGES, parameters, error);
    }
    if (!status) {
        status = bsm_cuda_training_fill_tables(space, error);
    }
    if (!status) {
        status = bsm_gpu_signals_fill(space, error);
    }
    return status ? status : bsm_gpu_status(space->gpu, error);
}

bsm_status bsm_cuda_training_new(const bsm_config *config, const bsm_training_options *options,
                                 const float *parameters, void **out, bsm_error *error)
{
    bsm_cuda_training *space = space_of(config, options);
    if (!space) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for training");
    }
    bsm_status status = measure(space, error);
    if (!status) {
        status = allocate(space, error);
    }
    if (!status) {
        bind_weights(space);
        status = fill(space, parameters, error);
    }
    if (status) {
        bsm_cuda_training_free(space);
        return status;
    }
    *out = space;
    return BSM_OK;
}
