/* SPDX-License-Identifier: ISC */
/** Shows the progress of a long computation: as a bar on a terminal, elsewhere as a line now and
 *  then. */
#ifndef BSM_STANDALONE_PROGRESS_LINE_H
#define BSM_STANDALONE_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/separate.h"

typedef struct progress_line {
    bool quiet;     /**< show nothing */
    size_t number;  /**< number of this file, from 1 */
    size_t of;      /**< number of files; neither number is shown if this is 1 or less */
    double before;  /**< part of all work that was done before this file, 0 to 1 */
    double share;   /**< part of all work that this file is, 0 to 1 */
    double start;   /**< time when all work began, in seconds of progress_now */
    bool terminal;  /**< whether standard error is a terminal */
    char name[512]; /**< the name of what is computed, safe for a terminal */
    bool drawn;     /**< whether the terminal's last line has a bar */
    int step;       /**< the tenth, or minute, for which a line was printed last */
} progress_line;

/** Return the seconds of a clock that does not jump. */
double progress_now(void);

/** Format a time as "0:48" or "1:02:03". */
void progress_format_time(double seconds, char *text, size_t size);

/** Begin with the next file. */
void progress_line_begin(progress_line *line, const char *name);

/** Show the progress on standard error. */
void progress_line_show(progress_line *line, const bsm_progress *progress);

/** Remove the bar, so that other text can follow. */
void progress_line_end(progress_line *line);

/** Format the bar in at most `width` columns: "[=====>    ]  52 %  1.93x  0:48 left", or "1:23 done
 *  1.93x" without a total. */
void progress_line_format(const bsm_progress *progress, size_t width, char *text, size_t size);

#endif
