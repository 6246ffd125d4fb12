/* SPDX-License-Identifier: ISC */
/** "~" at the start of a path: no shell expands it in a file, nor behind an equals sign. */
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

/* "~" at the start of a path: no shell expands it in a file, nor behind an equals sign. */

/** Put the home folder in the place of a "~" or "~NAME" that `*path` (for free(), may be NULL)
 *  begins with. BSM_INVALID_ARGUMENT: nobody knows where that is; BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_home_expand(char **path, bsm_error *error);

/* The configuration of a training: what a YAML file says, laid over the published values. */

/** The members of each section by the kinds of its keys: a list comes with its `_count`; what may
 * be left out is NULL then. */
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

/** Print every key, what it is by default, its range and what it does. */
void bsm_settings_print_keys(void);

/** Where the settings came from. */
typedef struct bsm_settings_source {
    const char *path; /**< the user's file; NULL: none */
    const char *const *assignments;
    size_t num_assignments; /**< of --set */
} bsm_settings_source;

/** Read, check and merge. `*text` is all values in force, as YAML, for free().
 *  BSM_INVALID_ARGUMENT ("FILE:LINE: KEY: what"), what reading the file reports, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_settings_load(const bsm_settings_source *source,
                                           bsm_trainer_settings **settings, char **text,
                                           bsm_error *error);
void bsm_settings_free(bsm_trainer_settings *settings);

/** The network that is asked for. BSM_INVALID_ARGUMENT. */
BSM_NODISCARD bsm_status bsm_settings_network(const bsm_trainer_settings *settings,
                                              bsm_config *config, bsm_error *error);

/** Samples of an example, per channel. */
size_t bsm_settings_samples(const bsm_trainer_settings *settings);

bsm_training_options bsm_settings_training(const bsm_trainer_settings *settings);

/** Where the examples come from, in the loader's words. The settings must outlive it. */
typedef struct bsm_data_source {
    bsm_data_options options;
    bsm_data_root *roots;
    double *silent_prob;
    bsm_augmentation *augmentations;
} bsm_data_source;

/** BSM_INVALID_ARGUMENT (no data; a source that is not among data.sources), BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_settings_data(const bsm_trainer_settings *settings,
                                           bsm_data_source *data, bsm_error *error);
void bsm_data_source_free(bsm_data_source *data);

/** The keys in which two texts of bsm_settings_load differ, as "KEY: OLD -> NEW", each handed to
 *  `visitor`. A number that is only written in another way does not differ. */
typedef void bsm_difference_visitor(void *user, const char *key, const char *difference);
BSM_NODISCARD bsm_status bsm_settings_compare(const char *old_text, const char *new_text,
                                              bsm_difference_visitor *visitor, void *user,
                                              bsm_error *error);

/** The first key whose value is out of its range, with what is wrong with it; NULL if none is. */
const char *bsm_settings_out_of_range(const bsm_trainer_settings *settings, char *what,
                                      size_t size);

#endif
