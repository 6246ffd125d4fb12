/* SPDX-License-Identifier: ISC */
/* The one list of a network's tensors: every name and shape that a configuration needs. */
#include "model/schema.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/** A visit in progress; the first failure ends it. */
typedef struct visit {
    const bsm_config *config;
    bsm_schema_visitor *visitor;
    void *user;
    bsm_error *error;
    bsm_status status;
    char prefix[BSM_MAX_TENSOR_NAME]; /**< prefix of the module that is being visited */
} visit;

static void set_prefix(visit *v, const char *format, ...) BSM_PRINTF(2, 3);
static void set_prefix(visit *v, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(v->prefix, sizeof v->prefix, format, arguments);
    va_end(arguments);
}

/** Visit one tensor; a size of 0 ends the shape. */
static void tensor(visit *v, const char *suffix, size_t a, size_t b, size_t c)
{
    if (v->status) {
        return;
    }
    bsm_schema_entry entry = {.shape = {a, b, c}, .count = 1};
    while (entry.rank < BSM_SCHEMA_MAX_RANK && entry.shape[entry.rank]) {
        size_t size = entry.shape[entry.rank++];
        if (__builtin_mul_overflow(entry.count, size, &entry.count)) {
            entry.count = SIZE_MAX;
        }
    }
    size_t prefix = strlen(v->prefix);
    size_t rest = strlen(suffix);
    if (prefix + rest >= sizeof entry.name) {
        v->status = bsm_fail(v->error, BSM_INVALID_ARGUMENT, "%s: name too long", v->prefix);
        return;
    }
    memcpy(entry.name, v->prefix, prefix);
    memcpy(entry.name + prefix, suffix, rest + 1);
    v->status = v->visitor(v->user, &entry, v->error);
}

static void visit_mixer(visit *v)
{
    const bsm_config *c = v->config;
    size_t d_inner = bsm_config_d_inner(c);
    size_t conv_dim = bsm_config_conv_dim(c);
    size_t heads = bsm_config_heads(c);
    tensor(v, "norm.weight", c->dim, 0, 0);
    tensor(v, "mixer.dt_bias", heads, 0, 0);
    tensor(v, "mixer.A_log", heads, 0, 0);
    tensor(v, "mixer.D", heads, 0, 0);
    tensor(v, "mixer.in_proj.weight", d_inner + conv_dim + heads, c->dim, 0);
    tensor(v, "mixer.conv1d.weight", conv_dim, 1, c->d_conv);
    tensor(v, "mixer.conv1d.bias", conv_dim, 0, 0);
    tensor(v, "mixer.norm.weight", d_inner, 0, 0);
    tensor(v, "mixer.out_proj.weight", c->dim, d_inner, 0);
}

/** Path 0 of a layer runs along time, path 1 along bands. */
static void visit_path(visit *v, size_t layer, size_t path)
{
    const bsm_config *c = v->config;
    set_prefix(v, "layers.%zu.%zu.forward_blocks.0.", layer, path);
    visit_mixer(v);
    set_prefix(v, "layers.%zu.%zu.backward_blocks.0.", layer, path);
    visit_mixer(v);
    set_prefix(v, "layers.%zu.%zu.linear.", layer, path);
    tensor(v, "weight", 2 * c->dim, c->dim, 1);
    tensor(v, "bias", c->dim, 0, 0);
}

static void visit_band_split(visit *v, size_t band)
{
    const bsm_config *c = v->config;
    size_t features = 2 * c->channels * c->bands[band];
    set_prefix(v, "band_split.to_features.%zu.", band);
    tensor(v, "0.gamma", features, 0, 0);
    tensor(v, "1.weight", c->dim, features, 0);
    tensor(v, "1.bias", c->dim, 0, 0);
}

static void visit_mask(visit *v, size_t stem, size_t band)
{
    const bsm_config *c = v->config;
    size_t hidden = c->mask_expansion * c->dim;
    size_t gated = 2 * 2 * c->channels * c->bands[band];
    set_prefix(v, "mask_estimators.%zu.to_freqs.%zu.0.", stem, band);
    tensor(v, "0.weight", hidden, c->dim, 0);
    tensor(v, "0.bias", hidden, 0, 0);
    tensor(v, "2.weight", gated, hidden, 0);
    tensor(v, "2.bias", gated, 0, 0);
}

bsm_status bsm_schema_visit(const bsm_config *config, bsm_schema_visitor *visitor, void *user,
                            bsm_error *error)
{
    visit v = {.config = config, .visitor = visitor, .user = user, .error = error};
    for (size_t layer = 0; layer < config->depth; layer++) {
        visit_path(&v, layer, 0);
        visit_path(&v, layer, 1);
    }
    set_prefix(&v, "final_norm.");
    tensor(&v, "gamma", config->dim, 0, 0);
    for (size_t band = 0; band < config->num_bands; band++) {
        visit_band_split(&v, band);
    }
    for (size_t stem = 0; stem < config->num_stems; stem++) {
        for (size_t band = 0; band < config->num_bands; band++) {
            visit_mask(&v, stem, band);
        }
    }
    return v.status;
}

static bsm_status add_count(void *user, const bsm_schema_entry *entry, bsm_error *error)
{
    (void)error;
    size_t *sum = user;
    if (__builtin_add_overflow(*sum, entry->count, sum)) {
        *sum = SIZE_MAX;
    }
    return BSM_OK;
}

size_t bsm_config_parameters(const bsm_config *config)
{
    size_t sum = 0;
    return bsm_schema_visit(config, add_count, &sum, NULL) ? SIZE_MAX : sum;
}
