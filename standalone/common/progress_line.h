/* SPDX-License-Identifier: ISC */
/** Progress of a long computation: a bar on a terminal, now and then a line elsewhere. */
#ifndef BSM_STANDALONE_PROGRESS_LINE_H
#define BSM_STANDALONE_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/separate.h"

typedef struct progress_line {
    bool quiet;     /**< show nothing */
    size_t number;  /**< of the file, from 1 ... */
    size_t of;      /**< ... of how many; up to 1: not shown */
    double before;  /**< of all the work, 0 to 1, what was done before this file ... */
    double share;   /**< ... and what this file is ... */
    double start;   /**< ... since this time, in seconds of progress_now */
    bool terminal;  /**< standard error is one */
    char name[512]; /**< what is computed, fit for a terminal */
    bool drawn;     /**< a bar is on the terminal's last line */
    int step;       /**< the last tenth, or minute, that a line was printed for */
} progress_line;

/** Seconds of a clock that does not jump. */
double progress_now(void);

/** "0:48", "1:02:03" */
void progress_format_time(double seconds, char *text, size_t size);

/** Begin with the next file. */
void progress_line_begin(progress_line *line, const char *name);

/** Show where it stands, on standard error. */
void progress_line_show(progress_line *line, const bsm_progress *progress);

/** Take the bar away, so that other text can follow. */
void progress_line_end(progress_line *line);

/** The bar in at most `width` columns: "[=====>    ]  52 %  1.93x  0:48 left"; without a total,
 *  "1:23 done  1.93x". */
void progress_line_format(const bsm_progress *progress, size_t width, char *text, size_t size);

#endif
