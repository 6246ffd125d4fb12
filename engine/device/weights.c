/* SPDX-License-Identifier: ISC */
/* Binds a model's tensors to the network's weights by name. */
#include "device/weights.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Walks through the tensors in one fixed order: first to count the floats to convert, then to
 * bind. */
typedef struct binder {
    const bsm_model *model;
    float *converted; /* NULL while counting */
    size_t used;
    bool missing; /* `name` is the first tensor that is missing */
    char name[160];
} binder;

BSM_PRINTF(2, 3) static const float *bind(binder *b, const char *format, ...)
{
    if (b->missing) {
        return NULL;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(b->name, sizeof b->name, format, arguments);
    va_end(arguments);

    const bsm_tensor *tensor = bsm_model_find(b->model, b->name);
    if (!tensor) {
        b->missing = true;
        return NULL;
    }
    if (tensor->dtype == BSM_F32) {
        return tensor->data;
    }
    float *place = b->converted ? b->converted + b->used : NULL;
    b->used += tensor->count;
    if (place) {
        bsm_tensor_read(tensor, place);
    }
    return place;
}

static void bind_mixer(binder *b, bsm_mixer_weights *w, size_t layer, int path, const char *side)
{
#define MIXER "layers.%zu.%d.%s_blocks.0."
    w->norm = bind(b, MIXER "norm.weight", layer, path, side);
    w->in_proj = bind(b, MIXER "mixer.in_proj.weight", layer, path, side);
    w->conv_weight = bind(b, MIXER "mixer.conv1d.weight", layer, path, side);
    w->conv_bias = bind(b, MIXER "mixer.conv1d.bias", layer, path, side);
    w->dt_bias = bind(b, MIXER "mixer.dt_bias", layer, path, side);
    w->A_log = bind(b, MIXER "mixer.A_log", layer, path, side);
    w->D = bind(b, MIXER "mixer.D", layer, path, side);
    w->gate_norm = bind(b, MIXER "mixer.norm.weight", layer, path, side);
    w->out_proj = bind(b, MIXER "mixer.out_proj.weight", layer, path, side);
#undef MIXER
}

static void bind_path(binder *b, bsm_path_weights *w, size_t layer, int path)
{
    bind_mixer(b, &w->forward, layer, path, "forward");
    bind_mixer(b, &w->backward, layer, path, "backward");
    w->merge_weight = bind(b, "layers.%zu.%d.linear.weight", layer, path);
    w->merge_bias = bind(b, "layers.%zu.%d.linear.bias", layer, path);
}

static void bind_mask(binder *b, bsm_mask_weights *w, size_t stem, size_t band)
{
#define MASK "mask_estimators.%zu.to_freqs.%zu.0."
    w->hidden.weight = bind(b, MASK "0.weight", stem, band);
    w->hidden.bias = bind(b, MASK "0.bias", stem, band);
    w->out.weight = bind(b, MASK "2.weight", stem, band);
    w->out.bias = bind(b, MASK "2.bias", stem, band);
#undef MASK
}

static void bind_all(binder *b, bsm_weights *w)
{
    const bsm_config *config = &w->config;
    for (size_t k = 0; k < config->num_bands; k++) {
        w->bands[k].gamma = bind(b, "band_split.to_features.%zu.0.gamma", k);
        w->bands[k].linear.weight = bind(b, "band_split.to_features.%zu.1.weight", k);
        w->bands[k].linear.bias = bind(b, "band_split.to_features.%zu.1.bias", k);
    }
    for (size_t layer = 0; layer < config->depth; layer++) {
        bind_path(b, &w->time[layer], layer, 0);
        bind_path(b, &w->band[layer], layer, 1);
    }
    w->final_norm = bind(b, "final_norm.gamma");
    for (size_t stem = 0; stem < config->num_stems; stem++) {
        for (size_t k = 0; k < config->num_bands; k++) {
            bind_mask(b, &w->masks[stem * config->num_bands + k], stem, k);
        }
    }
}

bsm_status bsm_weights_new(const bsm_model *model, bsm_weights **weights, bsm_error *error)
{
    bsm_weights *w = calloc(1, sizeof *w);
    if (!w) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    }
    w->config = *bsm_model_config(model);
    w->bands = calloc(w->config.num_bands, sizeof *w->bands);
    w->time = calloc(w->config.depth, sizeof *w->time);
    w->band = calloc(w->config.depth, sizeof *w->band);
    w->masks = calloc(w->config.num_stems * w->config.num_bands, sizeof *w->masks);
    if (!w->bands || !w->time || !w->band || !w->masks) {
        bsm_weights_free(w);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    }

    binder counting = {.model = model};
    bind_all(&counting, w);
    if (counting.missing) {
        bsm_fail(error, BSM_BAD_MODEL, "%s: tensor %s is missing", bsm_model_path(model),
                 counting.name);
        bsm_weights_free(w);
        return BSM_BAD_MODEL;
    }
    if (counting.used) {
        w->converted = malloc(counting.used * sizeof *w->converted);
        if (!w->converted) {
            bsm_weights_free(w);
            return bsm_fail(error, BSM_NO_MEMORY, "%s: no memory for the weights",
                            bsm_model_path(model));
        }
        binder converting = {.model = model, .converted = w->converted};
        bind_all(&converting, w);
    }
    *weights = w;
    return BSM_OK;
}

void bsm_weights_free(bsm_weights *weights)
{
    if (!weights) {
        return;
    }
    free(weights->bands);
    free(weights->time);
    free(weights->band);
    free(weights->masks);
    free(weights->converted);
    free(weights);
}
