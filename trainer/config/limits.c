/* SPDX-License-Identifier: ISC */
/* The ranges of the values of a configuration. */
#include "config/limits.h"

#include <stdio.h>

typedef enum kind {
    WHOLE,
    NUMBER,
    BELOW, /**< a number from `low` to below `high` */
} kind;

typedef struct limit {
    const char *key;
    kind kind;
    size_t offset;
    double low, high;
} limit;

#define LIMIT(KIND, KEY, LOW, HIGH)                                                                \
    {                                                                                              \
#KEY, KIND, offsetof(bsm_settings, KEY), LOW, HIGH                                         \
    }

/* What bsm_config_validate, bsm_training_plan and the loader look at is left to them. */
static const limit limits[] = {
    LIMIT(NUMBER, audio.segment_length, 0.01, 60),
    LIMIT(WHOLE, training.batch_size, 1, 1e6),
    LIMIT(WHOLE, training.gradient_accumulation_steps, 1, 1e6),
    LIMIT(NUMBER, training.learning_rate, 0, 10),
    LIMIT(NUMBER, training.weight_decay, 0, 10),
    LIMIT(NUMBER, training.clip_norm, 0, 1e30),
    LIMIT(BELOW, training.ema, 0, 1),
    LIMIT(WHOLE, training.num_epochs, 1, 1e9),
    LIMIT(WHOLE, training.steps_per_epoch, 1, 1e9),
    LIMIT(NUMBER, training.lambda_time, 0, 1e9),
    LIMIT(BELOW, training.dropout, 0, 1),
    LIMIT(WHOLE, training.save_every_n_epochs, 1, 1e9),
    LIMIT(WHOLE, training.threads, 0, 1024),
    LIMIT(WHOLE, training.schedule.warmup_steps, 0, 1e9),
    LIMIT(NUMBER, training.schedule.minimum, 0, 10),
    LIMIT(BELOW, training.schedule.factor, 0, 1),
    LIMIT(WHOLE, loss.time_norm, 1, 2),
    LIMIT(WHOLE, loss.stft_hop, 1, 1e6),
    LIMIT(NUMBER, loss.lambda_silence, 0, 1e9),
    LIMIT(BELOW, loss.silence_floor, -120, 0),
    LIMIT(NUMBER, loss.silence_seconds, 0.001, 60),
    LIMIT(NUMBER, data.random_mix, 0, 1),
    LIMIT(NUMBER, data.silent_prob, 0, 1),
    LIMIT(NUMBER, data.channel_swap, 0, 1),
    LIMIT(NUMBER, data.polarity, 0, 1),
    LIMIT(NUMBER, data.eq, 0, 1),
    LIMIT(NUMBER, data.pitch, 0, 1),
    LIMIT(WHOLE, data.workers, 1, 64),
    LIMIT(NUMBER, sad.window, 0.1, 3600),
    LIMIT(WHOLE, sad.chunks, 1, 10000),
    LIMIT(NUMBER, sad.quantile, 0, 1),
    LIMIT(NUMBER, sad.floor, 0, 1),
    LIMIT(NUMBER, sad.active, 0, 1),
    LIMIT(NUMBER, validation.max_seconds, 0, 1e6),
    LIMIT(NUMBER, validation.duration, 0, 60),
    LIMIT(WHOLE, validation.commit, 0, 6000),
    LIMIT(WHOLE, validation.lookahead, 0, 6000),
    LIMIT(NUMBER, validation.overlap, 0, 0.9),
    LIMIT(WHOLE, validation.history, 0, 1e6),
};

static double value_of(const limit *l, const bsm_settings *settings)
{
    const char *place = (const char *)settings + l->offset;
    return l->kind == WHOLE ? (double)*(const size_t *)(const void *)place
                            : *(const double *)(const void *)place;
}

static const char *check_ranges(const bsm_data_settings *data, char *what, size_t size)
{
    if (!(data->loudness[0] >= 0 && data->loudness[0] <= data->loudness[1])) {
        snprintf(what, size, "[%g, %g] is not [low, high] of factors from 0", data->loudness[0],
                 data->loudness[1]);
        return "data.loudness";
    }
    if (data->level && !(data->level[0] <= data->level[1])) {
        snprintf(what, size, "[%g, %g] is not [low, high]", data->level[0], data->level[1]);
        return "data.level";
    }
    for (size_t i = 0; i < data->augment_count; i++) {
        const double *semitones = data->augment[i].semitones;
        if (semitones &&
            !(semitones[0] >= -12 && semitones[0] <= semitones[1] && semitones[1] <= 12)) {
            snprintf(what, size, "semitones: [%g, %g] is not [low, high] within -12 to 12",
                     semitones[0], semitones[1]);
            return "data.augment";
        }
    }
    return NULL;
}

/* Probabilities that are left out are valid. */
static bool is_probability(const double *value)
{
    return !value || (*value >= 0 && *value <= 1);
}

static const char *check_lists(const bsm_data_settings *data, char *what, size_t size)
{
    for (size_t i = 0; i < data->roots_count; i++) {
        const bsm_root_settings *root = &data->roots[i];
        if (!root->path || (root->weight && !(*root->weight > 0))) {
            snprintf(what, size, "number %zu has no %s", i + 1,
                     root->path ? "weight above 0" : "path");
            return "data.roots";
        }
    }
    for (size_t i = 0; i < data->silent_count; i++) {
        if (!data->silent[i].source || !is_probability(&data->silent[i].probability)) {
            snprintf(what, size, "number %zu is not {source: NAME, probability: 0 to 1}", i + 1);
            return "data.silent";
        }
    }
    for (size_t i = 0; i < data->augment_count; i++) {
        const bsm_augment_settings *a = &data->augment[i];
        if (!a->source) {
            snprintf(what, size, "number %zu has no source", i + 1);
            return "data.augment";
        }
        if (!is_probability(a->channel_swap) || !is_probability(a->polarity) ||
            !is_probability(a->eq) || !is_probability(a->pitch) || !is_probability(a->layers) ||
            !is_probability(a->compression) || !is_probability(a->reverb) ||
            !is_probability(a->doubling) || !is_probability(a->width) || !is_probability(a->pan)) {
            snprintf(what, size, "%s: a probability is not from 0 to 1", a->source);
            return "data.augment";
        }
    }
    return NULL;
}

const char *bsm_settings_out_of_range(const bsm_settings *settings, char *what, size_t size)
{
    if (!*settings->training.output_dir) {
        snprintf(what, size, "names no folder");
        return "training.output_dir";
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const limit *l = &limits[i];
        const double value = value_of(l, settings);
        if (!(value >= l->low && (l->kind == BELOW ? value < l->high : value <= l->high))) {
            snprintf(what, size, "%.10g is not from %g to %s%g", value, l->low,
                     l->kind == BELOW ? "below " : "", l->high);
            return l->key;
        }
    }
    const char *key = check_ranges(&settings->data, what, size);
    return key ? key : check_lists(&settings->data, what, size);
}
