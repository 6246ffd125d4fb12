/* SPDX-License-Identifier: ISC */
/** What bsm-live tells about itself, on the terminal and in a file of statistics. */
#ifndef BSM_STANDALONE_LIVE_PANEL_H
#define BSM_STANDALONE_LIVE_PANEL_H

#include <stdio.h>
#include <termios.h>

#include "bsm/remix.h"
#include "bsm/stream.h"

/* ---- What bsm-live tells about itself, on the terminal and in the file of statistics ---- */

typedef struct live_view {
    const char *system; /**< "JACK" */
    const char *name;   /**< of the client or the device */
    size_t rate, block; /**< block 0: varies */
    const char *model;
    const char *device; /**< that computes */
    bsm_stream_stats stream;
    char failure[512];    /**< why the network has stopped; "": it has not */
    const char *too_slow; /**< what is to be said of a model that is; NULL: it is not */
    uint64_t xruns;
    float peak[BSM_NUM_PARTS]; /**< highest absolute sample lately, before the gain */
    bsm_remix_settings mix;
} live_view;

static inline double live_view_latency_ms(const live_view *view)
{
    return 1000.0 * (double)view->stream.latency / (double)view->rate;
}

/* The program's face: a small panel and keys on a terminal, plain lines anywhere else. */

enum {
    PANEL_LINES = 5,
    PANEL_MOST_LINES = PANEL_LINES + 2,
    PANEL_MAX_WIDTH = 100,
    PANEL_TEXT_SIZE = 4096,
    PANEL_ANSWER_SIZE = 1024
};

typedef struct panel {
    bool quiet;                 /**< errors only */
    bool terminal;              /**< the panel is shown and keys are read */
    size_t drawn;               /**< lines of the panel above the cursor */
    float shown[BSM_NUM_PARTS]; /**< levels, which fall slower than the sound's */
    bool asking;                /**< a line is being typed */
    char answer[PANEL_ANSWER_SIZE];
    struct termios saved;
} panel;

/** Takes the terminal if standard input and output are one and we are in its foreground. */
void panel_open(panel *p, bool quiet);

/** Gives the terminal back as it was. May be called twice. */
void panel_close(panel *p);

/** A line that the panel stays below. Not printed if quiet. */
void panel_print(panel *p, const char *format, ...) BSM_PRINTF(2, 3);

/** A line of an error or a warning; always printed, on standard error. */
void panel_complain(panel *p, const char *format, ...) BSM_PRINTF(2, 3);

/** Show the present state, if there is a terminal. */
void panel_draw(panel *p, const live_view *view);

/** The next key that was pressed, or 0. */
char panel_key(const panel *p);

/** Ask for the name of a model file: until it is typed, keys are for panel_type. */
void panel_ask(panel *p);

/** A key of the answer. True if that is complete, and not empty; Escape gives it up. */
bool panel_type(panel *p, char key);

/** The panel's PANEL_LINES lines, and two more if the model is too slow, each at most `width`
 *  columns and ended by a newline. `answer` is what has been typed of one; NULL: nothing is asked.
 */
void panel_format(const live_view *view, const float levels[BSM_NUM_PARTS], const char *answer,
                  size_t width, char text[PANEL_TEXT_SIZE]);

/* ---- A file of statistics: one JSON object per line ---- */

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
