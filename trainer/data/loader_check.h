/* SPDX-License-Identifier: ISC */
/** Checking the options of a loader. */
#ifndef BSM_TRAINER_LOADER_CHECK_H
#define BSM_TRAINER_LOADER_CHECK_H

#include "data/loader.h"

/** BSM_INVALID_ARGUMENT, with the value and what it may be. */
BSM_NODISCARD bsm_status bsm_loader_check(const bsm_data_options *data,
                                          const bsm_loader_options *options, bsm_error *error);

#endif
