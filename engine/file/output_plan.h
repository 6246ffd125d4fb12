/* SPDX-License-Identifier: ISC */
/** Which files a separation writes, and their names. */
#ifndef BSM_FILE_OUTPUT_PLAN_H
#define BSM_FILE_OUTPUT_PLAN_H

#include "bsm/config.h"
#include "bsm/separate.h"

enum { BSM_MAX_OUTPUTS = BSM_MAX_STEMS + 2 };

typedef enum bsm_output_kind {
    BSM_OUTPUT_VOCALS,
    BSM_OUTPUT_INSTRUMENTAL, /**< the input without the vocals */
    BSM_OUTPUT_STEM,         /**< any other stem of the model */
} bsm_output_kind;

typedef struct bsm_output {
    bsm_output_kind kind;
    size_t stem; /**< of the model; not of the instrumental */
    char path[BSM_MAX_PATH];
} bsm_output;

typedef struct bsm_output_plan {
    size_t count;
    bsm_output outputs[BSM_MAX_OUTPUTS];
} bsm_output_plan;

/** The files that `options` ask for, of `input`. BSM_INVALID_ARGUMENT if a path is too long. */
BSM_NODISCARD bsm_status bsm_output_plan_make(const bsm_config *config,
                                              const bsm_separate_options *options,
                                              const char *input, bsm_output_plan *plan,
                                              bsm_error *error);

/** The stem called "vocals", or the first. */
size_t bsm_vocals_stem(const bsm_config *config);

/** "DIR/NAME.STEM.EXT" for an input "..../NAME.ext", or what `options` name otherwise; the place of
 *  a picture, for one, is that of a stem "picture" with the extension "png".
 *  BSM_INVALID_ARGUMENT if that is too long. */
BSM_NODISCARD bsm_status bsm_output_path(const bsm_separate_options *options, const char *input,
                                         const char *stem, const char *extension,
                                         char path[BSM_MAX_PATH], bsm_error *error);

#endif
