/* SPDX-License-Identifier: ISC */
/* The reference device: its memory, and the modules in terms of the equations in modules.h. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "device/device.h"
#include "device/reference/modules.h"

/* One thread's memory. `length` is that of the longest sequence, of frames or of bands. */
typedef struct scratch {
    float *sequence;           /* [length][dim] */
    float *forward, *backward; /* [length][dim] */
    float *state;              /* of one mixer */
    float *step;               /* the values of one mixer step */
    bsm_reference_mask_values
        mask; /* of one band; `values` also holds a band's normalised spectrum */
    float *memory;
} scratch;

typedef struct workspace {
    const bsm_weights *weights;
    bsm_workspace_options options;
    float *x;         /* [band][frame][dim] */
    float *streams;   /* [options.states][depth][band][state], of the forward mixers along time */
    float *stream;    /* the selected one; NULL if not streaming */
    scratch *scratch; /* one per thread */
} workspace;

static void describe(char *text, size_t size)
{
    snprintf(text, size, "reference (plain C, sequential scan)");
}

/* This device needs only the network's weights on the host. */
static bsm_status weights_new(const bsm_weights *host, void **weights, bsm_error *error)
{
    (void)error;
    *weights = (void *)(uintptr_t)host;
    return BSM_OK;
}

static void weights_free(void *weights)
{
    (void)weights;
}

static bool scratch_init(scratch *s, const bsm_config *config, size_t length)
{
    size_t state = bsm_reference_state_size(config), step = bsm_reference_step_size(config);
    size_t hidden = config->mask_expansion * config->dim;
    size_t values = 2 * bsm_reference_band_features(config, bsm_reference_widest_band(config));
    size_t rows = length * config->dim;
    s->memory = calloc(3 * rows + state + step + config->dim + hidden + values, sizeof *s->memory);
    if (!s->memory) {
        return false;
    }
    s->sequence = s->memory;
    s->forward = s->sequence + rows;
    s->backward = s->forward + rows;
    s->state = s->backward + rows;
    s->step = s->state + state;
    s->mask.normed = s->step + step;
    s->mask.hidden = s->mask.normed + config->dim;
    s->mask.values = s->mask.hidden + hidden;
    return true;
}

static size_t stream_size(const bsm_config *config)
{
    return config->depth * config->num_bands * bsm_reference_state_size(config);
}

static void workspace_free(void *opaque)
{
    workspace *space = opaque;
    bsm_team_leave();
    if (space->scratch) {
        for (size_t t = 0; t < space->options.threads; t++) {
            free(space->scratch[t].memory);
        }
    }
    free(space->scratch);
    free(space->streams);
    free(space->x);
    free(space);
}

static bsm_status workspace_new(const void *weights, const bsm_workspace_options *options,
                                void **out, bsm_error *error)
{
    workspace *space = calloc(1, sizeof *space);
    if (!space) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the reference device");
    }
    space->weights = weights;
    space->options = *options;
    bsm_team_join(options->threads);
    const bsm_config *config = &space->weights->config;
    size_t length =
        options->max_frames > config->num_bands ? options->max_frames : config->num_bands;

    space->x = calloc(config->num_bands * options->max_frames * config->dim, sizeof *space->x);
    space->scratch = calloc(options->threads, sizeof *space->scratch);
    bool complete = space->x && space->scratch;
    for (size_t t = 0; complete && t < options->threads; t++) {
        complete = scratch_init(&space->scratch[t], config, length);
    }
    if (complete && options->states) {
        space->streams = calloc(options->states * stream_size(config), sizeof *space->streams);
        space->stream = space->streams;
        complete = space->streams != NULL;
    }
    if (!complete) {
        workspace_free(space);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the reference device");
    }
    *out = space;
    return BSM_OK;
}

static void select_state(void *opaque, size_t state)
{
    workspace *space = opaque;
    space->stream = space->streams + state * stream_size(&space->weights->config);
}

static void reset(void *opaque)
{
    workspace *space = opaque;
    if (space->stream) {
        memset(space->stream, 0, stream_size(&space->weights->config) * sizeof *space->stream);
    }
}

static bsm_status band_split(void *opaque, const float *spectrum, size_t frames, bsm_error *error)
{
    (void)error;
    workspace *space = opaque;
    const bsm_config *config = &space->weights->config;
    size_t offset = 0;
    for (size_t k = 0; k < config->num_bands; k++) {
        size_t features = bsm_reference_band_features(config, k);
        for (size_t t = 0; t < frames; t++) {
            bsm_reference_split_band(config->dim, features, &space->weights->bands[k],
                                     spectrum + t * bsm_config_features(config) + offset,
                                     space->scratch[0].mask.values,
                                     space->x + (k * frames + t) * config->dim);
        }
        offset += features;
    }
    return BSM_OK;
}

/* A sequence inside x: `length` rows, `stride` floats from one to the next. */
typedef struct sequence {
    float *x;
    size_t length, stride;
    size_t wanted; /* the rows to write back, counted from the first */
} sequence;

/* T or B of one sequence. `stream` is the forward mixer's state before the sequence and, on
 * return, after `commit` steps. */
static void run_path(const bsm_config *config, const bsm_path_weights *w, scratch *s,
                     const sequence *seq, float *stream, size_t commit)
{
    size_t dim = config->dim, state_bytes = bsm_reference_state_size(config) * sizeof(float);
    for (size_t t = 0; t < seq->length; t++) {
        memcpy(s->sequence + t * dim, seq->x + t * seq->stride, dim * sizeof(float));
    }
    if (commit) {
        memcpy(s->state, stream, state_bytes);
    } else {
        memset(s->state, 0, state_bytes);
    }
    for (size_t t = 0; t < seq->length; t++) {
        bsm_reference_mixer_step(config, &w->forward, s->sequence + t * dim, s->state, s->step,
                                 s->forward + t * dim);
        if (t + 1 == commit) {
            memcpy(stream, s->state, state_bytes);
        }
    }
    memset(s->state, 0, state_bytes);
    for (size_t t = seq->length; t-- > 0;) {
        bsm_reference_mixer_step(config, &w->backward, s->sequence + t * dim, s->state, s->step,
                                 s->backward + t * dim);
    }
    for (size_t t = 0; t < seq->wanted; t++) {
        bsm_reference_merge(dim, w, s->forward + t * dim, s->backward + t * dim,
                            s->sequence + t * dim, seq->x + t * seq->stride);
    }
}

/* The path of a layer that is being computed. */
typedef struct path {
    const workspace *space;
    size_t layer;
    const bsm_block *block;
} path;

static void run_bands(void *job, size_t thread, bsm_region *region)
{
    const path *p = job;
    const workspace *space = p->space;
    const bsm_block *block = p->block;
    const bsm_config *config = &space->weights->config;
    size_t state = bsm_reference_state_size(config);
    for (size_t k; bsm_region_next(region, &k);) {
        sequence seq = {.x = space->x + k * block->frames * config->dim,
                        .length = block->frames,
                        .stride = config->dim,
                        .wanted = block->wanted};
        float *stream =
            space->stream ? space->stream + (p->layer * config->num_bands + k) * state : NULL;
        run_path(config, &space->weights->time[p->layer], &space->scratch[thread], &seq, stream,
                 block->commit);
    }
}

static bsm_status time_path(void *opaque, size_t layer, const bsm_block *block, bsm_error *error)
{
    (void)error;
    const workspace *space = opaque;
    bsm_team_run(space->options.threads, space->weights->config.num_bands, run_bands,
                 &(path){space, layer, block});
    return BSM_OK;
}

static void run_frames(void *job, size_t thread, bsm_region *region)
{
    const path *p = job;
    const workspace *space = p->space;
    const bsm_config *config = &space->weights->config;
    for (size_t t; bsm_region_next(region, &t);) {
        sequence seq = {.x = space->x + t * config->dim,
                        .length = config->num_bands,
                        .stride = p->block->frames * config->dim,
                        .wanted = config->num_bands};
        run_path(config, &space->weights->band[p->layer], &space->scratch[thread], &seq, NULL, 0);
    }
}

static bsm_status band_path(void *opaque, size_t layer, const bsm_block *block, bsm_error *error)
{
    (void)error;
    const workspace *space = opaque;
    bsm_team_run(space->options.threads, block->wanted, run_frames, &(path){space, layer, block});
    return BSM_OK;
}

/* The mask of a stem that is being computed. */
typedef struct masking {
    const workspace *space;
    size_t stem;
    const bsm_block *block;
    const float *spectrum;
    float *masked;
} masking;

static void mask_frames(void *job, size_t thread, bsm_region *region)
{
    const masking *m = job;
    const workspace *space = m->space;
    const bsm_config *config = &space->weights->config;
    scratch *s = &space->scratch[thread];
    for (size_t t; bsm_region_next(region, &t);) {
        size_t offset = t * bsm_config_features(config);
        for (size_t k = 0; k < config->num_bands; k++) {
            bsm_reference_mask band = bsm_reference_mask_of(space->weights, m->stem, k);
            bsm_reference_mask_frame(&band, space->x + (k * m->block->frames + t) * config->dim,
                                     m->spectrum + offset, &s->mask, m->masked + offset);
            offset += band.features;
        }
    }
}

static bsm_status mask(void *opaque, size_t stem, const bsm_block *block, const float *spectrum,
                       float *masked, bsm_error *error)
{
    (void)error;
    const workspace *space = opaque;
    bsm_team_run(space->options.threads, block->wanted, mask_frames,
                 &(masking){space, stem, block, spectrum, masked});
    return BSM_OK;
}

static void read_features(const void *opaque, size_t frames, float *features)
{
    const workspace *space = opaque;
    const bsm_config *config = &space->weights->config;
    memcpy(features, space->x, config->num_bands * frames * config->dim * sizeof *features);
}

const bsm_device bsm_reference_device = {
    .describe = describe,
    .weights_new = weights_new,
    .weights_free = weights_free,
    .keeps_host_weights = true,
    .workspace_new = workspace_new,
    .workspace_free = workspace_free,
    .select = select_state,
    .reset = reset,
    .band_split = band_split,
    .time_path = time_path,
    .band_path = band_path,
    .mask = mask,
    .read_features = read_features,
    .training = &bsm_reference_training,
};
