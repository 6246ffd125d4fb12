/* SPDX-License-Identifier: ISC */
/** The settings of a training, and "~" in their paths. */
#ifndef BSM_TRAINER_CONFIG_SETTINGS_H
#define BSM_TRAINER_CONFIG_SETTINGS_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"
#include "bsm/stream.h"
#include "bsm/training.h"
#include "config/keys.h"
#include "config/layer.h"
#include "data/loader.h"
#include "schedule.h"

/* "~" at the start of a path: no shell expands it in a file or after an equals sign. */

/** Replace a "~" or "~NAME" at the start of `*path` (for free(), may be NULL) by the home folder.
 *  BSM_INVALID_ARGUMENT: it is unknown; BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_home_expand(char **path, bsm_error *error);

/* The configuration of a training: a YAML file over the published values. */

/** The members of each section, by the kinds of its keys. A list has a `_count` beside it; a value
 *  that may be left out is then NULL. */
#define BSM_MEMBER(S, KIND, KEY, ...) BSM_MEMBER_##KIND(KEY)
#define BSM_MEMBER_WHOLE(KEY) size_t KEY;
#define BSM_MEMBER_SEED(KEY) uint64_t KEY;
#define BSM_MEMBER_NUMBER(KEY) double KEY;
#define BSM_MEMBER_BELOW(KEY) double KEY;
#define BSM_MEMBER_MAYBE(KEY) double *KEY;
#define BSM_MEMBER_CHANCE(KEY) double *KEY;
#define BSM_MEMBER_RANGE(KEY) double KEY[2];
#define BSM_MEMBER_MAYBE_RANGE(KEY) double *KEY;
#define BSM_MEMBER_FLAG(KEY) bool KEY;
#define BSM_MEMBER_TEXT(KEY) char *KEY;
#define BSM_MEMBER_TEXTS(KEY) BSM_MEMBER_LIST(char *, KEY)
#define BSM_MEMBER_WHOLES(KEY) BSM_MEMBER_LIST(size_t, KEY)
#define BSM_MEMBER_ROOTS(KEY) BSM_MEMBER_LIST(bsm_root_settings, KEY)
#define BSM_MEMBER_SILENTS(KEY) BSM_MEMBER_LIST(bsm_silent_settings, KEY)
#define BSM_MEMBER_AUGMENTS(KEY) BSM_MEMBER_LIST(bsm_augment_settings, KEY)
#define BSM_MEMBER_PRECISION(KEY) bsm_precision KEY;
#define BSM_MEMBER_ANY_PRECISION(KEY) bsm_precision KEY;
#define BSM_MEMBER_DEVICE(KEY) bsm_device_kind KEY;
#define BSM_MEMBER_SCHEDULE(KEY) bsm_schedule_kind KEY;
#define BSM_MEMBER_LAYOUT(KEY) bsm_data_layout KEY;
#define BSM_MEMBER_SUBSET(KEY) bsm_data_subset KEY;
#define BSM_MEMBER_MEMORY(KEY) bsm_memory KEY;
#define BSM_MEMBER_LIST(TYPE, KEY)                                                                 \
    TYPE *KEY;                                                                                     \
    uint32_t KEY##_count;

typedef struct bsm_model_settings {
    BSM_MODEL_KEYS(BSM_MEMBER, )
} bsm_model_settings;

typedef struct bsm_audio_settings {
    BSM_AUDIO_KEYS(BSM_MEMBER, )
} bsm_audio_settings;

typedef struct bsm_training_settings {
    BSM_TRAINING_KEYS(BSM_MEMBER, )
    bsm_schedule_settings schedule;
} bsm_training_settings;

typedef struct bsm_loss_settings {
    BSM_LOSS_KEYS(BSM_MEMBER, )
} bsm_loss_settings;

typedef struct bsm_root_settings {
    BSM_ROOT_KEYS(BSM_MEMBER, )
} bsm_root_settings;

typedef struct bsm_augment_settings {
    BSM_AUGMENT_KEYS(BSM_MEMBER, )
} bsm_augment_settings;

typedef struct bsm_silent_settings {
    BSM_SILENT_KEYS(BSM_MEMBER, )
} bsm_silent_settings;

typedef struct bsm_data_settings {
    BSM_DATA_KEYS(BSM_MEMBER, )
} bsm_data_settings;

typedef struct bsm_sad_settings {
    BSM_SAD_KEYS(BSM_MEMBER, )
} bsm_sad_settings;

typedef struct bsm_validation_settings {
    BSM_VALIDATION_KEYS(BSM_MEMBER, )
} bsm_validation_settings;

typedef struct bsm_trainer_settings {
    bsm_model_settings model;
    bsm_audio_settings audio;
    bsm_training_settings training;
    bsm_loss_settings loss;
    bsm_data_settings data;
    bsm_sad_settings sad;
    bsm_validation_settings validation;
} bsm_trainer_settings;

/** The keys and their types. */
extern const cyaml_schema_value_t bsm_settings_schema;

/** The published values, a section each, as YAML. */
enum { BSM_NUM_DEFAULTS = 8 };
extern const char *const bsm_settings_defaults[BSM_NUM_DEFAULTS];

/** Print every key with its default, its range and its purpose. */
void bsm_settings_print_keys(void);

/** Where settings come from. */
typedef struct bsm_settings_source {
    const char *path; /**< the user's file; NULL: none */
    const char *const *assignments;
    size_t num_assignments; /**< assignments of --set */
} bsm_settings_source;

/** Read, check and merge the settings. `*text` is all values in force, as YAML, for free().
 *  BSM_INVALID_ARGUMENT ("FILE:LINE: KEY: what"), the errors of reading the file, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_settings_load(const bsm_settings_source *source,
                                           bsm_trainer_settings **settings, char **text,
                                           bsm_error *error);
void bsm_settings_free(bsm_trainer_settings *settings);

/** The configuration of the requested network. BSM_INVALID_ARGUMENT. */
BSM_NODISCARD bsm_status bsm_settings_network(const bsm_trainer_settings *settings,
                                              bsm_config *config, bsm_error *error);

/** Samples per channel of an example. */
size_t bsm_settings_samples(const bsm_trainer_settings *settings);

bsm_training_options bsm_settings_training(const bsm_trainer_settings *settings);

/** Where the examples come from, in the loader's structures. The settings must outlive it. */
typedef struct bsm_data_source {
    bsm_data_options options;
    bsm_data_root *roots;
    double *silent_prob;
    bsm_augmentation *augmentations;
} bsm_data_source;

/** Fill such a structure. BSM_INVALID_ARGUMENT (no data; a source that is not in data.sources),
 *  BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_settings_data(const bsm_trainer_settings *settings,
                                           bsm_data_source *data, bsm_error *error);
void bsm_data_source_free(bsm_data_source *data);

/** Call `visitor` for each key in which two texts of bsm_settings_load differ, with "KEY: OLD ->
 *  NEW". Two spellings of the same number do not differ. */
typedef void bsm_difference_visitor(void *user, const char *key, const char *difference);
BSM_NODISCARD bsm_status bsm_settings_compare(const char *old_text, const char *new_text,
                                              bsm_difference_visitor *visitor, void *user,
                                              bsm_error *error);

/** The first key whose value is out of its range, and what is wrong with it; NULL if there is
 *  none. */
const char *bsm_settings_out_of_range(const bsm_trainer_settings *settings, char *what,
                                      size_t size);

#endif
