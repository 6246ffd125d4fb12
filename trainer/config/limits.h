/* SPDX-License-Identifier: ISC */
/** The ranges of the values of a configuration. */
#ifndef BSM_TRAINER_LIMITS_H
#define BSM_TRAINER_LIMITS_H

#include "config/settings.h"

/** The first key whose value is out of its range, with what is wrong with it; NULL if none is. */
const char *bsm_settings_out_of_range(const bsm_trainer_settings *settings, char *what,
                                      size_t size);

#endif
