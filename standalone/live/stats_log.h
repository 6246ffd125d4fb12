/* SPDX-License-Identifier: ISC */
/** A file of statistics: one JSON object per line. */
#ifndef BSM_LIVE_STATS_LOG_H
#define BSM_LIVE_STATS_LOG_H

#include <stdio.h>

#include "view.h"

typedef struct stats_log {
    const char *path;
    FILE *file; /**< NULL: none */
} stats_log;

/** Append to `path`. BSM_NO_PERMISSION, BSM_IO and so on. */
BSM_NODISCARD bsm_status stats_log_open(stats_log *log, const char *path, bsm_error *error);

/** Write one line. After a failure the log is closed: music goes on when the disk is full. */
BSM_NODISCARD bsm_status stats_log_write(stats_log *log, const live_view *view, bsm_error *error);

void stats_log_close(stats_log *log);

#endif
