/* SPDX-License-Identifier: ISC */
/** The engine's own lines (bsm/log.h), which are a process's and not an instance's, to the log of a
 *  host: that of the newest instance whose host has one. Without any, they go to standard error. */
#ifndef BSM_PLUGIN_LOG_LINES_H
#define BSM_PLUGIN_LOG_LINES_H

#include <lv2/log/logger.h>

/** An instance's place in the list of those that listen. */
typedef struct bsm_log_listener {
    LV2_Log_Logger *log; /**< NULL: it does not listen */
    struct bsm_log_listener *older;
} bsm_log_listener;

/** Listen from now on if the host has a log. Both not for the audio thread. */
void bsm_log_lines_begin(bsm_log_listener *listener, LV2_Log_Logger *log);
void bsm_log_lines_end(bsm_log_listener *listener);

#endif
