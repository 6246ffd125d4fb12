/* SPDX-License-Identifier: ISC */
/** Progress of a long computation: a bar on a terminal, now and then a line elsewhere. */
#ifndef BSM_STANDALONE_PROGRESS_LINE_H
#define BSM_STANDALONE_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/separate.h"

typedef struct progress_line {
    bool quiet;     /**< show nothing */
    bool terminal;  /**< standard error is one */
    char name[512]; /**< what is computed, fit for a terminal */
    bool drawn;     /**< a bar is on the terminal's last line */
    int step;       /**< the last tenth, or minute, that a line was printed for */
} progress_line;

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
