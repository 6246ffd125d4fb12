/* SPDX-License-Identifier: ISC */
/** Passes the engine's log lines (bsm/log.h) to the log of a host. The lines belong to the process
 *  and not to an instance, so they go to the newest instance whose host has a log, or to standard
 *  error if there is none. */
#ifndef BSM_PLUGIN_LOG_LINES_H
#define BSM_PLUGIN_LOG_LINES_H

#include <lv2/log/logger.h>

/** An instance's entry in the list of instances that listen. */
typedef struct bsm_log_listener {
    LV2_Log_Logger *log; /**< NULL if it does not listen */
    struct bsm_log_listener *older;
} bsm_log_listener;

/** Begin to listen if the host has a log. Neither function is for the audio thread. */
void bsm_log_lines_begin(bsm_log_listener *listener, LV2_Log_Logger *log);
void bsm_log_lines_end(bsm_log_listener *listener);

#endif
