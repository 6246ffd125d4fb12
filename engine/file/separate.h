/* SPDX-License-Identifier: ISC */
/** Separates a file with another separator in the network's place, for tests. */
#ifndef BSM_FILE_SEPARATE_H
#define BSM_FILE_SEPARATE_H

#include "bsm/separate.h"
#include "separate/separation.h"

/** Like bsm_separate_file; `model` as in bsm_separate_plan_make. */
BSM_NODISCARD bsm_status bsm_separate_file_with(bsm_separator separator, const bsm_config *config,
                                                const bsm_model *model, const char *path,
                                                const bsm_separate_options *options,
                                                bsm_separate_result *result, bsm_error *error);

#endif
