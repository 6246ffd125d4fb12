/* SPDX-License-Identifier: ISC */
/** The library's log: it reports that a device was refused or has stopped, and which one is used
 *  instead. */
#ifndef BSM_LOG_H
#define BSM_LOG_H

#include "bsm/attributes.h"

BSM_BEGIN_DECLS

/** Receives one line without a newline. It is called from any thread but the audio thread, one call
 *  at a time, and must not call the library. */
typedef void bsm_log_handler(void *user, const char *line);

/** Send lines to `handler`. With NULL, as at the start, they go to standard error after "bsm: ". */
BSM_API void bsm_log_set_handler(bsm_log_handler *handler, void *user);

BSM_END_DECLS

#endif
