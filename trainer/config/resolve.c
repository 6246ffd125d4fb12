/* SPDX-License-Identifier: ISC */
/* Translates a configuration into the engine's and the loader's structures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"

/* ---- The network ---- */

/* Get the published list with this number of bands. */
static bsm_status find_bands(size_t number, bsm_config *config, bsm_error *error)
{
    static const char *const presets[] = {"paper", "lite"};
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        bsm_config preset;
        const bsm_status status = bsm_config_preset(presets[i], &preset, error);
        if (status) {
            return status;
        }
        if (preset.num_bands == number) {
            config->num_bands = number;
            memcpy(config->bands, preset.bands, sizeof config->bands);
            return BSM_OK;
        }
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT,
                    "num_subbands: %zu: published are 62 and 48; others are named by bands: "
                    "[bins, ...]",
                    number);
}

static bsm_status set_bands(const bsm_model_settings *model, bsm_config *config, bsm_error *error)
{
    if (!model->bands) {
        return find_bands(model->num_subbands, config, error);
    }
    config->num_bands = model->bands_count;
    memcpy(config->bands, model->bands, model->bands_count * sizeof *model->bands);
    return BSM_OK;
}

static bsm_status set_stems(const bsm_data_settings *data, bsm_config *config, bsm_error *error)
{
    config->num_stems = data->target_count;
    for (size_t i = 0; i < data->target_count; i++) {
        if (strlen(data->target[i]) >= BSM_MAX_STEM_NAME) {
            return bsm_fail(error, BSM_INVALID_ARGUMENT, "data.target: \"%s\" is too long a name",
                            data->target[i]);
        }
        strcpy(config->stems[i], data->target[i]);
    }
    return BSM_OK;
}

bsm_status bsm_settings_network(const bsm_trainer_settings *settings, bsm_config *config,
                                bsm_error *error)
{
    const bsm_model_settings *model = &settings->model;
    *config = (bsm_config){
        .dim = model->hidden_dim,
        .depth = model->num_layers,
        .expand = model->expand,
        .headdim = model->headdim,
        .d_state = model->d_state,
        .d_conv = model->d_conv,
        .mask_expansion = model->mask_expansion,
        .n_fft = settings->audio.n_fft,
        .hop = settings->audio.hop_length,
        .sample_rate = settings->audio.sample_rate,
        .channels = 2,
        .segment = settings->audio.segment_length,
    };
    bsm_status status = set_bands(model, config, error);
    if (!status) {
        status = set_stems(&settings->data, config, error);
    }
    return status ? status : bsm_config_validate(config, error);
}

static size_t samples_of(const bsm_trainer_settings *settings, double seconds)
{
    return (size_t)llround(seconds * (double)settings->audio.sample_rate);
}

size_t bsm_settings_samples(const bsm_trainer_settings *settings)
{
    return samples_of(settings, settings->audio.segment_length);
}

bsm_training_options bsm_settings_training(const bsm_trainer_settings *settings)
{
    bsm_training_options options = {
        .device = settings->training.device,
        .precision = settings->training.precision,
        .threads = settings->training.threads,
        .samples = bsm_settings_samples(settings),
        .checkpointing = settings->model.use_gradient_checkpointing,
        .dropout = settings->training.dropout,
        .loss = {.lambda_time = settings->training.lambda_time,
                 .time_norm = (unsigned)settings->loss.time_norm,
                 .num_windows = settings->loss.stft_windows_count,
                 .hop = settings->loss.stft_hop,
                 .lambda_silence = settings->loss.lambda_silence,
                 .silence_floor = settings->loss.silence_floor,
                 .silence_piece = samples_of(settings, settings->loss.silence_seconds)},
    };
    for (size_t i = 0; i < options.loss.num_windows; i++) {
        options.loss.windows[i] = settings->loss.stft_windows[i];
    }
    return options;
}

/* ---- The data ---- */

static double given_or(const double *value, double otherwise)
{
    return value ? *value : otherwise;
}

/* The index of a source, or an error that says which key names it. */
static bsm_status find_source(const bsm_data_settings *data, const char *key, const char *name,
                              size_t *index, bsm_error *error)
{
    for (size_t i = 0; i < data->sources_count; i++) {
        if (strcmp(data->sources[i], name) == 0) {
            *index = i;
            return BSM_OK;
        }
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "data.%s: \"%s\" is not among data.sources", key,
                    name);
}

static bsm_status set_roots(const bsm_data_settings *data, bsm_data_source *source,
                            bsm_error *error)
{
    const size_t more = data->root ? 1 : 0;
    const size_t count = data->roots_count + more;
    if (count == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "data.root: where the training data is has to be said");
    }
    source->roots = calloc(count, sizeof *source->roots);
    if (!source->roots) {
        return bsm_fail(error, BSM_NO_MEMORY, "data.roots: out of memory");
    }
    if (data->root) {
        source->roots[0] = (bsm_data_root){.path = data->root, .layout = data->layout, .weight = 1};
    }
    for (size_t i = 0; i < data->roots_count; i++) {
        const bsm_root_settings *root = &data->roots[i];
        source->roots[more + i] = (bsm_data_root){
            .path = root->path, .layout = root->layout, .weight = given_or(root->weight, 1)};
    }
    source->options.roots = source->roots;
    source->options.num_roots = count;
    return BSM_OK;
}

static bsm_status set_silent(const bsm_data_settings *data, bsm_data_source *source,
                             bsm_error *error)
{
    for (size_t i = 0; i < data->sources_count; i++) {
        source->silent_prob[i] = data->silent_prob;
    }
    bsm_status status = BSM_OK;
    for (size_t i = 0; !status && i < data->silent_count; i++) {
        size_t index = 0;
        status = find_source(data, "silent", data->silent[i].source, &index, error);
        source->silent_prob[index] = data->silent[i].probability;
    }
    return status;
}

static bsm_augmentation augmentation(const bsm_data_settings *data, const bsm_augment_settings *own)
{
    static const double semitones[2] = {-2, 2};
    const double *range = own->semitones ? own->semitones : semitones;
    return (bsm_augmentation){
        .channel_swap = given_or(own->channel_swap, data->channel_swap),
        .polarity = given_or(own->polarity, data->polarity),
        .eq = given_or(own->eq, data->eq),
        .pitch = given_or(own->pitch, data->pitch),
        .semitones = {range[0], range[1]},
        .layers = given_or(own->layers, 0),
        .compression = given_or(own->compression, 0),
        .reverb = given_or(own->reverb, 0),
        .doubling = given_or(own->doubling, 0),
        .width = given_or(own->width, 0),
        .pan = given_or(own->pan, 0),
    };
}

static bsm_status set_augmentations(const bsm_data_settings *data, bsm_data_source *source,
                                    bsm_error *error)
{
    static const bsm_augment_settings none;
    for (size_t i = 0; i < data->sources_count; i++) {
        source->augmentations[i] = augmentation(data, &none);
    }
    bsm_status status = BSM_OK;
    for (size_t i = 0; !status && i < data->augment_count; i++) {
        size_t index = 0;
        status = find_source(data, "augment", data->augment[i].source, &index, error);
        source->augmentations[index] = augmentation(data, &data->augment[i]);
    }
    return status;
}

static bsm_status set_sources(const bsm_data_settings *data, bsm_data_source *source,
                              bsm_error *error)
{
    source->silent_prob = calloc(data->sources_count, sizeof *source->silent_prob);
    source->augmentations = calloc(data->sources_count, sizeof *source->augmentations);
    if (!source->silent_prob || !source->augmentations) {
        return bsm_fail(error, BSM_NO_MEMORY, "data.sources: out of memory");
    }
    bsm_status status = BSM_OK;
    for (size_t i = 0; !status && i < data->target_count; i++) {
        size_t index;
        status = find_source(data, "target", data->target[i], &index, error);
    }
    if (!status) {
        status = set_silent(data, source, error);
    }
    return status ? status : set_augmentations(data, source, error);
}

static void set_values(const bsm_trainer_settings *settings, bsm_data_options *options)
{
    const bsm_data_settings *data = &settings->data;
    const bsm_sad_settings *sad = &settings->sad;
    options->sources = (const char *const *)data->sources;
    options->num_sources = data->sources_count;
    options->random_mix = data->random_mix;
    options->loudness = (bsm_range){data->loudness[0], data->loudness[1]};
    options->level = data->level ? (bsm_range){data->level[0], data->level[1]} : (bsm_range){1, 0};
    options->sad = (bsm_sad_options){
        .enabled = sad->enabled,
        .window = sad->window,
        .chunks = sad->chunks,
        .quantile = sad->quantile,
        .floor = sad->floor,
        .active = sad->active,
    };
    options->segments_cache = data->segments_cache;
}

bsm_status bsm_settings_data(const bsm_trainer_settings *settings, bsm_data_source *source,
                             bsm_error *error)
{
    *source = (bsm_data_source){0};
    set_values(settings, &source->options);
    bsm_status status = set_roots(&settings->data, source, error);
    if (!status) {
        status = set_sources(&settings->data, source, error);
    }
    if (status) {
        bsm_data_source_free(source);
        return status;
    }
    source->options.silent_prob = source->silent_prob;
    source->options.augmentations = source->augmentations;
    return BSM_OK;
}

void bsm_data_source_free(bsm_data_source *source)
{
    free(source->roots);
    free(source->silent_prob);
    free(source->augmentations);
    *source = (bsm_data_source){0};
}
