/* SPDX-License-Identifier: ISC */
/** Where the library says what nobody asked for: that a device was refused or stopped, and what it
 *  goes on with. */
#ifndef BSM_LOG_H
#define BSM_LOG_H

#include "bsm/attributes.h"

BSM_BEGIN_DECLS

/** Gets one line without a newline, from any thread but the audio thread, one at a time. May not
 *  call the library. */
typedef void bsm_log_handler(void *user, const char *line);

/** Have lines go to `handler`, or with NULL to standard error behind "bsm: ", as at the start. */
BSM_API void bsm_log_set_handler(bsm_log_handler *handler, void *user);

BSM_END_DECLS

#endif
