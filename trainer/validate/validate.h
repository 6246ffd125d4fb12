/* SPDX-License-Identifier: ISC */
/** Separates the tracks of a subset and measures the result, at the model's rate.
 *
 *  A source without a file is obtained as validate_track.h says. The rest, which is the mixture
 *  minus all stems of the model, is compared with the mixture minus their targets. */
#ifndef BSM_TRAINER_VALIDATE_H
#define BSM_TRAINER_VALIDATE_H

#include <stdbool.h>
#include <stdio.h>

#include "bsm/device.h"
#include "bsm/model.h"
#include "bsm/stream.h"
#include "data/tracks.h"
#include "validate/metrics.h"

typedef struct bsm_validate_options {
    const char *root;
    bsm_data_layout layout;
    bsm_data_subset subset;
    /** sources of the data, including all stems of the model; the mixture is their sum if it has
     *  no file */
    const char *const *sources;
    size_t num_sources;
    bsm_device_kind device;
    bsm_precision precision; /**< the least precision that is acceptable */
    size_t threads;
    double duration; /**< seconds of a window, at most BSM_MAX_WINDOW; 0: the model's segment */
    double overlap;  /**< of windows, as bsm_separate_options.overlap; the published value is 0 */
    size_t commit, lookahead; /**< frames, as in the live engine; a commit of 0: windows */
    bsm_memory memory;        /**< frames, as in the live engine */
    size_t history;           /**< as bsm_stream_options.history; > 0 implies bounded memory */
    double warmup;            /**< as bsm_stream_options.warmup */
    double max_seconds;       /**< of each track, from its middle; 0: all of it */
} bsm_validate_options;

/** The result of one stem of one track. */
typedef struct bsm_track_result {
    char *track;
    /** index of the stem in the model. The number of stems stands for the rest, which is not
     *  measured if the stems are all of the data's sources */
    size_t stem;
    bsm_sdr sdr;
    bsm_spectral_errors errors; /**< NaN for the rest */
} bsm_track_result;

typedef enum bsm_figure {
    BSM_FIGURE_USDR, /**< an estimate of silence gets 0 dB */
    BSM_FIGURE_CENTRE_USDR,
    BSM_FIGURE_CSDR,
    BSM_FIGURE_MISSED,
    BSM_FIGURE_LET_THROUGH,
    BSM_FIGURE_MIXED,
    BSM_FIGURE_SPARSE_CSDR,
    BSM_FIGURE_SILENT_RESIDUAL,
    BSM_FIGURE_TYPICAL_RESIDUAL,
    BSM_NUM_FIGURES,
} bsm_figure;

/** In dB; NaN if it is not defined. */
double bsm_track_figure(const bsm_track_result *result, bsm_figure figure);

/** Its name in JSON, CSV and logs: "usdr", "centre_usdr". */
const char *bsm_figure_key(bsm_figure figure);

/** Of one stem, over the tracks for which a figure is defined; NaN if there are none. */
typedef struct bsm_stem_summary {
    double mean[BSM_NUM_FIGURES], median[BSM_NUM_FIGURES];
} bsm_stem_summary;

typedef struct bsm_validation {
    bsm_track_result *results; /**< the stems of the first track, those of the second, and so on */
    size_t num_results;
    bsm_stem_summary *summaries; /**< per stem, and for the rest if it is among the results */
    size_t num_stems, num_tracks;
    double seconds_audio, seconds_taken;
    char method[128]; /**< "windows of 8 s, overlap 0%", "..., int8 or better" and the like */
} bsm_validation;

/** Called before each track, and with the same arguments whenever a part of it is done. Returning
 *  false stops with BSM_CANCELLED. */
typedef bool bsm_validate_progress(void *user, const char *track, size_t number, size_t of);

/** Validate. A track that cannot be read is named in `error` and ends the validation. `progress`
 *  may be NULL.
 *  BSM_INVALID_ARGUMENT, BSM_NOT_FOUND, BSM_BAD_AUDIO, BSM_CANCELLED, BSM_NO_MEMORY, BSM_BAD_MODEL
 *  (its output is not finite), and the errors of making and running a network. */
BSM_NODISCARD bsm_status bsm_validate(bsm_model *model, const bsm_validate_options *options,
                                      bsm_validate_progress *progress, void *user,
                                      bsm_validation **validation, bsm_error *error);
void bsm_validation_free(bsm_validation *validation);

/** Write a table for people. */
void bsm_validation_print(const bsm_validation *validation, const bsm_config *config, FILE *file);

/** Write JSON for programs: {"method", "tracks": [{"track", "stem", "usdr", ...}], "stems": {NAME:
 *  {"mean": {...}, "median": {...}}}, ...}; a figure that is not finite is null. BSM_NO_MEMORY,
 *  BSM_IO. */
BSM_NODISCARD bsm_status bsm_validation_write_json(const bsm_validation *validation,
                                                   const bsm_config *config, FILE *file,
                                                   bsm_error *error);

/** Write CSV for spreadsheets: a line per result; a figure that is not defined is empty, an
 *  infinite one is "inf" or "-inf". */
void bsm_validation_write_csv(const bsm_validation *validation, const bsm_config *config,
                              FILE *file);

#endif
