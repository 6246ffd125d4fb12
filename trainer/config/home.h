/* SPDX-License-Identifier: ISC */
/** "~" at the start of a path: no shell expands it in a file, nor behind an equals sign. */
#ifndef BSM_TRAINER_HOME_H
#define BSM_TRAINER_HOME_H

#include "bsm/status.h"

/** Put the home folder in the place of a "~" or "~NAME" that `*path` (for free(), may be NULL)
 *  begins with. BSM_INVALID_ARGUMENT: nobody knows where that is; BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_home_expand(char **path, bsm_error *error);

#endif
