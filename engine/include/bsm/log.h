/* SPDX-License-Identifier: ISC */
/** Messages of the library that no function returns: that a device cannot be used or has failed,
 *  and which device is used instead. */
#ifndef BSM_LOG_H
#define BSM_LOG_H

#include "bsm/attributes.h"

BSM_BEGIN_DECLS

/** Handle one line, which has no newline. Called from any thread but the audio thread, for one line
 *  at a time. The handler must not call the library. */
typedef void bsm_log_handler(void *user, const char *line);

/** Send lines to `handler` from now on. With NULL, which is the initial state, they are written to
 *  standard error after "bsm: ". Any thread but the audio thread. */
BSM_API void bsm_log_set_handler(bsm_log_handler *handler, void *user);

BSM_END_DECLS

#endif
