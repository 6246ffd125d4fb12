/* SPDX-License-Identifier: ISC */
/** Separating the tracks of a subset and measuring the result. */
#ifndef BSM_TRAINER_VALIDATE_H
#define BSM_TRAINER_VALIDATE_H

#include <stdbool.h>
#include <stdio.h>

#include "bsm/device.h"
#include "bsm/model.h"
#include "data/tracks.h"
#include "metrics.h"

typedef struct bsm_validate_options {
    const char *root;
    bsm_data_layout layout;
    bsm_data_subset subset;
    const char *const *sources; /**< of the data; the mixture is their sum if there is no file */
    size_t num_sources;
    bsm_device_kind device;
    size_t threads;
    double duration;          /**< seconds of a window; 0: the model's segment */
    size_t commit, lookahead; /**< frames: as the live engine does it; commit 0: windows */
    size_t history;           /**< frames seen again per block, 0: the state is carried */
    double max_seconds;       /**< of each track, from its middle; 0: all */
} bsm_validate_options;

/** One stem of one track. */
typedef struct bsm_track_result {
    char *track;
    size_t stem; /**< of the model; its number of stems: the rest, mixture less all stems */
    bsm_sdr sdr;
    bsm_sdr mixture; /**< of the mixture as the estimate: what doing nothing gives */
} bsm_track_result;

typedef struct bsm_validation {
    bsm_track_result *results;
    size_t num_results;
    double mean_usdr, median_usdr, mean_csdr, median_csdr; /**< of the model's first stem */
    double mean_usdr_gain;                                 /**< over the mixture */
    double seconds_audio, seconds_taken;
} bsm_validation;

/** Called before each track; false stops with BSM_CANCELLED. */
typedef bool bsm_validate_progress(void *user, const char *track, size_t number, size_t of);

/** A track that cannot be read is named in `error` and ends the validation. */
BSM_NODISCARD bsm_status bsm_validate(bsm_model *model, const bsm_validate_options *options,
                                      bsm_validate_progress *progress, void *user,
                                      bsm_validation **validation, bsm_error *error);
void bsm_validation_free(bsm_validation *validation);

/** For people, for programs, for spreadsheets. */
void bsm_validation_print(const bsm_validation *validation, const bsm_config *config, FILE *file);
BSM_NODISCARD bsm_status bsm_validation_write_json(const bsm_validation *validation,
                                                   const bsm_config *config, FILE *file,
                                                   bsm_error *error);
void bsm_validation_write_csv(const bsm_validation *validation, const bsm_config *config,
                              FILE *file);

#endif
