/* SPDX-License-Identifier: ISC */
/** Sends lines to the log (bsm/log.h). */
#ifndef BSM_ENGINE_LOG_H
#define BSM_ENGINE_LOG_H

#include "bsm/log.h"

/** May be called on any thread but the audio thread. */
void bsm_log(const char *format, ...) BSM_PRINTF(1, 2);

#endif
