/* SPDX-License-Identifier: ISC */
/* Checks the ranges of a configuration's values. */
#include "config/settings.h"

#include <stdio.h>

/* The range of a number. There is none if both ends are 0. */
typedef struct limit {
    const char *key;
    bool whole, below; /**< whole: a size_t, not a double; below: from `low` to below `high` */
    size_t offset;
    double low, high;
} limit;

#define LIMIT(S, KIND, KEY, DEFAULT, LOW, HIGH, HELP) LIMIT_##KIND(S, KEY, LOW, HIGH)
#define LIMIT_OF(S, KEY, WHOLE, BELOW, LOW, HIGH)                                                  \
    {#S "." #KEY, WHOLE, BELOW, offsetof(bsm_trainer_settings, S.KEY), LOW, HIGH},
#define LIMIT_WHOLE(S, KEY, LOW, HIGH) LIMIT_OF(S, KEY, true, false, LOW, HIGH)
#define LIMIT_NUMBER(S, KEY, LOW, HIGH) LIMIT_OF(S, KEY, false, false, LOW, HIGH)
#define LIMIT_BELOW(S, KEY, LOW, HIGH) LIMIT_OF(S, KEY, false, true, LOW, HIGH)
#define LIMIT_SEED(...)
#define LIMIT_FLAG(...)
#define LIMIT_TEXT(...)
#define LIMIT_TEXTS(...)
#define LIMIT_WHOLES(...)
#define LIMIT_ROOTS(...)
#define LIMIT_SILENTS(...)
#define LIMIT_AUGMENTS(...)
#define LIMIT_RANGE(...)
#define LIMIT_MAYBE_RANGE(...)
#define LIMIT_PRECISION(...)
#define LIMIT_ANY_PRECISION(...)
#define LIMIT_DEVICE(...)
#define LIMIT_SCHEDULE(...)
#define LIMIT_LAYOUT(...)
#define LIMIT_SUBSET(...)
#define LIMIT_MEMORY(...)

/* Values that bsm_config_validate, bsm_training_plan or the loader check are not checked here. */
static const limit limits[] = {
    BSM_MODEL_KEYS(LIMIT, model) BSM_AUDIO_KEYS(LIMIT, audio) BSM_TRAINING_KEYS(LIMIT, training)
        BSM_SCHEDULE_KEYS(LIMIT, training.schedule) BSM_LOSS_KEYS(LIMIT, loss)
            BSM_DATA_KEYS(LIMIT, data) BSM_SAD_KEYS(LIMIT, sad)
                BSM_VALIDATION_KEYS(LIMIT, validation)};

static double value_of(const limit *l, const bsm_trainer_settings *settings)
{
    const char *place = (const char *)settings + l->offset;
    return l->whole ? (double)*(const size_t *)(const void *)place
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

#define CHANCE(S, KIND, KEY, ...) CHANCE_##KIND(S, KEY)
#define CHANCE_CHANCE(S, KEY) S->KEY,
#define CHANCE_TEXT(...)
#define CHANCE_MAYBE_RANGE(...)

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
        const double *const chances[] = {BSM_AUGMENT_KEYS(CHANCE, a)};
        for (size_t c = 0; c < sizeof chances / sizeof *chances; c++) {
            if (is_probability(chances[c])) {
                continue;
            }
            snprintf(what, size, "%s: a probability is not from 0 to 1", a->source);
            return "data.augment";
        }
    }
    return NULL;
}

const char *bsm_settings_out_of_range(const bsm_trainer_settings *settings, char *what, size_t size)
{
    if (!*settings->training.output_dir) {
        snprintf(what, size, "names no folder");
        return "training.output_dir";
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const limit *l = &limits[i];
        const double value = value_of(l, settings);
        if ((l->low != 0 || l->high != 0) &&
            !(value >= l->low && (l->below ? value < l->high : value <= l->high))) {
            snprintf(what, size, "%.10g is not from %g to %s%g", value, l->low,
                     l->below ? "below " : "", l->high);
            return l->key;
        }
    }
    const char *key = check_ranges(&settings->data, what, size);
    return key ? key : check_lists(&settings->data, what, size);
}
