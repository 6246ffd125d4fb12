/* SPDX-License-Identifier: ISC */
/* Infers the configuration of a network from the shapes of its tensors. */
#include "model/tensor_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/schema.h"

#define MIXER "layers.0.0.forward_blocks.0.mixer."

typedef struct inference {
    const char *path;
    const bsm_table *table;
    bsm_config *config;
    bsm_error *error;
} inference;

static const bsm_tensor *find(const inference *in, const char *format, ...) BSM_PRINTF(2, 3);
static const bsm_tensor *find(const inference *in, const char *format, ...)
{
    char name[BSM_MAX_TENSOR_NAME];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    const bsm_table_entry *entry = bsm_table_find(in->table, name);
    return entry ? &entry->tensor : NULL;
}

/* Read one size of a tensor's shape into `value`, unless that is known already. */
static bsm_status size_of(const inference *in, const char *name, size_t rank, size_t axis,
                          size_t *value)
{
    if (*value) {
        return BSM_OK;
    }
    const bsm_tensor *tensor = find(in, "%s", name);
    if (!tensor) {
        return bsm_fail(in->error, BSM_BAD_MODEL, "%s: %s: missing, so this is no BSMamba2 model",
                        in->path, name);
    }
    if (tensor->rank != rank || tensor->shape[axis] == 0) {
        return bsm_fail(in->error, BSM_BAD_MODEL, "%s: %s: unexpected shape", in->path, name);
    }
    *value = tensor->shape[axis];
    return BSM_OK;
}

/* Set `value` to a / b, unless it is known already. */
static bsm_status divide(const inference *in, const char *name, size_t a, size_t b, size_t *value)
{
    if (*value) {
        return BSM_OK;
    }
    if (a % b || a == 0) {
        return bsm_fail(in->error, BSM_BAD_MODEL,
                        "%s: %s: %zu is no multiple of %zu, so the shapes fit no network", in->path,
                        name, a, b);
    }
    *value = a / b;
    return BSM_OK;
}

static bsm_status infer_widths(const inference *in)
{
    bsm_config *c = in->config;
    size_t heads = 0, d_inner = 0, conv_dim = 0, hidden = 0;
    if (size_of(in, "final_norm.gamma", 1, 0, &c->dim) ||
        size_of(in, MIXER "dt_bias", 1, 0, &heads) ||
        size_of(in, MIXER "norm.weight", 1, 0, &d_inner) ||
        size_of(in, MIXER "conv1d.weight", 3, 0, &conv_dim) ||
        size_of(in, MIXER "conv1d.weight", 3, 2, &c->d_conv) ||
        size_of(in, "mask_estimators.0.to_freqs.0.0.0.weight", 2, 0, &hidden) ||
        divide(in, MIXER "norm.weight", d_inner, c->dim, &c->expand) ||
        divide(in, MIXER "dt_bias", d_inner, heads, &c->headdim) ||
        divide(in, "mask_estimators.0.to_freqs.0.0.0.weight", hidden, c->dim, &c->mask_expansion)) {
        return BSM_BAD_MODEL;
    }
    if (!c->d_state && conv_dim < d_inner) {
        return bsm_fail(in->error, BSM_BAD_MODEL, "%s: " MIXER "conv1d.weight: unexpected shape",
                        in->path);
    }
    return divide(in, MIXER "conv1d.weight", conv_dim - d_inner, 2, &c->d_state);
}

/* Count the layers, bands and stems, which are numbered from 0. */
static void infer_counts(const inference *in)
{
    bsm_config *c = in->config;
    if (!c->depth) {
        while (c->depth < in->table->count &&
               find(in, "layers.%zu.0.forward_blocks.0.norm.weight", c->depth)) {
            c->depth++;
        }
    }
    if (!c->num_stems) {
        while (c->num_stems <= BSM_MAX_STEMS &&
               find(in, "mask_estimators.%zu.to_freqs.0.0.0.weight", c->num_stems)) {
            c->num_stems++;
        }
    }
}

/* ---- Bands ---- */

static bool is_power_of_two(size_t value)
{
    return value && (value & (value - 1)) == 0;
}

/* Read the widths of all bands in features: 2 (re, im) times channels times bins. */
static size_t read_features(const inference *in, size_t features[BSM_MAX_BANDS])
{
    size_t bands = 0;
    while (bands < BSM_MAX_BANDS) {
        const bsm_tensor *gamma = find(in, "band_split.to_features.%zu.0.gamma", bands);
        if (!gamma || gamma->rank != 1) {
            break;
        }
        features[bands++] = gamma->shape[0];
    }
    return bands;
}

/* The sum of the bands' bins with this number of channels; 0 if the widths do not allow it. */
static size_t sum_of_bins(const size_t *features, size_t bands, size_t channels)
{
    size_t sum = 0;
    for (size_t k = 0; k < bands; k++) {
        if (features[k] % (2 * channels) ||
            __builtin_add_overflow(sum, features[k] / (2 * channels), &sum)) {
            return 0;
        }
    }
    return sum;
}

/* Choose stereo, unless only mono gives a transform length that is a power of two, or whole
 * bins. */
static size_t choose_channels(const size_t *features, size_t bands)
{
    size_t stereo = sum_of_bins(features, bands, 2);
    size_t mono = sum_of_bins(features, bands, 1);
    if (stereo && is_power_of_two(stereo - 1)) {
        return 2;
    }
    if (mono && is_power_of_two(mono - 1)) {
        return 1;
    }
    return stereo ? 2 : 1;
}

static bsm_status infer_bands(const inference *in)
{
    bsm_config *c = in->config;
    size_t features[BSM_MAX_BANDS];
    size_t bands = read_features(in, features);
    if (bands == 0) {
        return bsm_fail(in->error, BSM_BAD_MODEL,
                        "%s: band_split.to_features.0.0.gamma: missing or of an unexpected shape",
                        in->path);
    }
    if (!c->channels) {
        c->channels = c->num_bands && features[0] == 2 * c->bands[0] ? 1 : 0;
    }
    if (!c->channels) {
        c->channels = choose_channels(features, bands);
    }
    if (!c->num_bands) {
        c->num_bands = bands;
        for (size_t k = 0; k < bands; k++) {
            c->bands[k] = features[k] / (2 * c->channels);
        }
    }
    if (!c->n_fft) {
        size_t sum = 0;
        for (size_t k = 0; k < c->num_bands; k++) {
            sum += c->bands[k];
        }
        c->n_fft = sum ? 2 * (sum - 1) : 0;
    }
    return BSM_OK;
}

/* ---- What the shapes do not tell ---- */

/* Music-Source-Separation-Training lists its instruments in these orders; a single stem is the
 * authors' vocals. */
static void name_stems(bsm_config *config)
{
    static const char *const two[] = {"vocals", "other"};
    static const char *const four[] = {"drums", "bass", "other", "vocals"};
    for (size_t i = 0; i < config->num_stems && i < BSM_MAX_STEMS; i++) {
        char *name = config->stems[i];
        if (config->num_stems == 2) {
            strcpy(name, two[i]);
        } else if (config->num_stems == 4) {
            strcpy(name, four[i]);
        } else if (i == 0) {
            strcpy(name, "vocals");
        } else {
            snprintf(name, BSM_MAX_STEM_NAME, "stem%zu", i + 1);
        }
    }
}

static void fill_defaults(bsm_config *config)
{
    if (!config->hop) {
        config->hop = config->n_fft >= 441 ? 441 : (config->n_fft + 3) / 4;
    }
    config->sample_rate = config->sample_rate ? config->sample_rate : 44100;
    config->segment = config->segment > 0 ? config->segment : 8.0;
    if (config->stems[0][0] == '\0') {
        name_stems(config);
    }
}

bsm_status bsm_config_infer(const char *path, const bsm_table *table, bsm_config *config,
                            bsm_error *error)
{
    const inference in = {.path = path, .table = table, .config = config, .error = error};
    if (infer_widths(&in) || infer_bands(&in)) {
        return BSM_BAD_MODEL;
    }
    infer_counts(&in);
    fill_defaults(config);
    bsm_error cause = {0};
    if (bsm_config_validate(config, &cause)) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: %s", path, cause.message);
    }
    return BSM_OK;
}
