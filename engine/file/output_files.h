/* SPDX-License-Identifier: ISC */
/** The files that a separation writes: their names, and that either all of them appear or none. */
#ifndef BSM_FILE_OUTPUT_FILES_H
#define BSM_FILE_OUTPUT_FILES_H

#include "bsm/config.h"
#include "bsm/separate.h"
#include "file/audio_writer.h"

/* ---- Which files a separation writes, and their names ---- */

typedef enum bsm_output_kind {
    BSM_OUTPUT_VOCALS,
    BSM_OUTPUT_INSTRUMENTAL, /**< the input minus the vocals */
    BSM_OUTPUT_STEM,         /**< any other stem of the model */
} bsm_output_kind;

typedef struct bsm_output {
    bsm_output_kind kind;
    size_t stem; /**< the stem's index in the model; not used for the instrumental */
    char path[BSM_MAX_PATH];
} bsm_output;

typedef struct bsm_output_plan {
    size_t count;
    bsm_output outputs[BSM_MAX_OUTPUTS];
} bsm_output_plan;

/** List the files that `options` ask for, for this `input`. BSM_INVALID_ARGUMENT if a path is too
 *  long. */
BSM_NODISCARD bsm_status bsm_output_plan_make(const bsm_config *config,
                                              const bsm_separate_options *options,
                                              const char *input, bsm_output_plan *plan,
                                              bsm_error *error);

/** The index of the stem called "vocals", or of the first one. */
size_t bsm_vocals_stem(const bsm_config *config);

/* ---- The files that a separation writes: either all of them get their names, or none ---- */

typedef struct bsm_output_files {
    size_t count;
    bool force;
    char paths[BSM_MAX_OUTPUTS][BSM_MAX_PATH];
    bsm_audio_writer *writers[BSM_MAX_OUTPUTS];
} bsm_output_files;

/** Begin one more file at paths[count], or a stream, which needs no name. */
BSM_NODISCARD bsm_status bsm_output_files_add(bsm_output_files *files,
                                              const bsm_audio_format *format, bsm_error *error);

/** Complete all files and give them their names. If one fails, those that had their names already
 *  are removed (files that `force` had replaced do not come back). */
BSM_NODISCARD bsm_status bsm_output_files_publish(bsm_output_files *files, bsm_error *error);

/** Free; files that were not published are removed. */
void bsm_output_files_clear(bsm_output_files *files);

#endif
