/* SPDX-License-Identifier: ISC */
/** Passes the engine's log lines (bsm/log.h) to a host's log. The lines belong to the process, not
 *  to an instance, so they go to the newest instance whose host has a log. If there is none, they
 *  go to standard error. */
#ifndef BSM_PLUGIN_LOG_LINES_H
#define BSM_PLUGIN_LOG_LINES_H

#include <lv2/log/logger.h>

/** An instance in the list of those that receive lines. */
typedef struct bsm_log_listener {
    LV2_Log_Logger *log; /**< NULL: it is not in the list */
    struct bsm_log_listener *older;
} bsm_log_listener;

/** Receive lines from now on if the host has a log, and until the second function is called. Any
 *  thread but the audio thread. */
void bsm_log_lines_begin(bsm_log_listener *listener, LV2_Log_Logger *log);
void bsm_log_lines_end(bsm_log_listener *listener);

#endif
