/* SPDX-License-Identifier: ISC */
/** The configuration of a training: what a YAML file says, laid over the published values. */
#ifndef BSM_TRAINER_SETTINGS_H
#define BSM_TRAINER_SETTINGS_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/stream.h"
#include "bsm/training.h"
#include "config/layer.h"
#include "data/loader.h"
#include "schedule.h"

typedef struct bsm_model_settings {
    size_t hidden_dim, num_layers, num_subbands;
    size_t *bands; /**< bins of each, instead of num_subbands' own; may be NULL */
    uint32_t bands_count;
    size_t d_state, d_conv, expand, headdim, mask_expansion;
    bool use_gradient_checkpointing;
} bsm_model_settings;

typedef struct bsm_audio_settings {
    size_t sample_rate, n_fft, hop_length;
    double segment_length; /**< seconds */
} bsm_audio_settings;

typedef struct bsm_training_settings {
    size_t batch_size, gradient_accumulation_steps;
    double learning_rate, weight_decay, clip_norm, ema;
    size_t num_epochs, steps_per_epoch;
    bsm_precision precision;
    double lambda_time, dropout;
    char *output_dir, *resume_from, *init_from; /**< may be NULL */
    size_t save_every_n_epochs, keep_last_n_checkpoints;
    uint64_t seed;
    bsm_device_kind device;
    size_t threads;
    bsm_schedule_settings schedule;
    char *licence; /**< of the weights; may be NULL */
} bsm_training_settings;

typedef struct bsm_loss_settings {
    size_t *stft_windows;
    uint32_t stft_windows_count;
    size_t stft_hop, time_norm;
    double lambda_silence, silence_floor, silence_seconds;
} bsm_loss_settings;

typedef struct bsm_root_settings {
    char *path;
    bsm_data_layout layout;
    double *weight; /**< NULL: 1 */
} bsm_root_settings;

/** Of one source; NULL: as for all. */
typedef struct bsm_augment_settings {
    char *source;
    double *channel_swap, *polarity, *eq, *pitch, *semitones, *layers, *compression, *reverb,
        *doubling, *width, *pan;
} bsm_augment_settings;

typedef struct bsm_silent_settings {
    char *source;
    double probability;
} bsm_silent_settings;

typedef struct bsm_data_settings {
    char *root;
    bsm_data_layout layout;
    bsm_root_settings *roots;
    uint32_t roots_count;
    char **sources, **target;
    uint32_t sources_count, target_count;
    double random_mix, silent_prob;
    bsm_silent_settings *silent;
    uint32_t silent_count;
    double loudness[2];
    double *level; /**< NULL: by chance */
    double channel_swap, polarity, eq, pitch;
    bsm_augment_settings *augment;
    uint32_t augment_count;
    char *segments_cache;
    size_t workers;
} bsm_data_settings;

typedef struct bsm_sad_settings {
    bool enabled;
    double window;
    size_t chunks;
    double quantile, floor, active;
} bsm_sad_settings;

typedef struct bsm_validation_settings {
    char *root; /**< NULL: the first of the data's */
    bsm_data_layout layout;
    bsm_data_subset subset;
    size_t every_n_epochs;
    double max_seconds, duration, overlap;
    size_t commit, lookahead;
    bsm_memory memory;
    size_t history;
    bsm_precision precision;
} bsm_validation_settings;

typedef struct bsm_settings {
    bsm_model_settings model;
    bsm_audio_settings audio;
    bsm_training_settings training;
    bsm_loss_settings loss;
    bsm_data_settings data;
    bsm_sad_settings sad;
    bsm_validation_settings validation;
} bsm_settings;

/** The keys and their types. */
extern const cyaml_schema_value_t bsm_settings_schema;

/** The published values, as YAML. */
extern const char bsm_settings_defaults[];

/** Where the settings came from. */
typedef struct bsm_settings_source {
    const char *path; /**< the user's file; NULL: none */
    const char *const *assignments;
    size_t num_assignments; /**< of --set */
} bsm_settings_source;

/** Read, check and merge. `*text` is all values in force, as YAML, for free().
 *  BSM_INVALID_ARGUMENT ("FILE:LINE: KEY: what"), what reading the file reports, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_settings_load(const bsm_settings_source *source,
                                           bsm_settings **settings, char **text, bsm_error *error);
void bsm_settings_free(bsm_settings *settings);

/** The network that is asked for. BSM_INVALID_ARGUMENT. */
BSM_NODISCARD bsm_status bsm_settings_network(const bsm_settings *settings, bsm_config *config,
                                              bsm_error *error);

/** Samples of an example, per channel. */
size_t bsm_settings_samples(const bsm_settings *settings);

bsm_training_options bsm_settings_training(const bsm_settings *settings);

/** Where the examples come from, in the loader's words. The settings must outlive it. */
typedef struct bsm_data_source {
    bsm_data_options options;
    bsm_data_root *roots;
    double *silent_prob;
    bsm_augmentation *augmentations;
} bsm_data_source;

/** BSM_INVALID_ARGUMENT (no data; a source that is not among data.sources), BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_settings_data(const bsm_settings *settings, bsm_data_source *data,
                                           bsm_error *error);
void bsm_data_source_free(bsm_data_source *data);

/** The keys in which two texts of bsm_settings_load differ, as "KEY: OLD -> NEW", each handed to
 *  `visitor`. A number that is only written in another way does not differ. */
typedef void bsm_difference_visitor(void *user, const char *key, const char *difference);
BSM_NODISCARD bsm_status bsm_settings_compare(const char *old_text, const char *new_text,
                                              bsm_difference_visitor *visitor, void *user,
                                              bsm_error *error);

#endif
