/* SPDX-License-Identifier: ISC */
/** The output of bsm-live on the terminal and in a file of statistics. */
#ifndef BSM_STANDALONE_LIVE_PANEL_H
#define BSM_STANDALONE_LIVE_PANEL_H

#include <stdio.h>
#include <termios.h>

#include "bsm/remix.h"
#include "bsm/stream.h"

/* ---- What bsm-live tells about itself, on the terminal and in the file of statistics ---- */

typedef struct live_view {
    const char *system; /**< "JACK" */
    const char *name;   /**< name of the client or the device */
    size_t rate, block; /**< block is 0 if it varies */
    const char *model;
    const char *device; /**< the device that computes */
    bsm_stream_stats stream;
    char failure[512]; /**< why the network has stopped, or "" */
    const char *fit;   /**< the sentence of bsm_fit on the model and this machine; NULL: none */
    uint64_t xruns;
    float peak[BSM_NUM_PARTS]; /**< highest recent absolute sample before the gain */
    bsm_remix_settings mix;
} live_view;

static inline double live_view_latency_ms(const live_view *view)
{
    return 1000.0 * (double)view->stream.latency / (double)view->rate;
}

/* The program's display: a small panel and keys on a terminal, plain lines elsewhere. */

enum {
    PANEL_LINES = 6,
    PANEL_FIT_LINES = 4,
    PANEL_MOST_LINES = PANEL_LINES + PANEL_FIT_LINES,
    PANEL_MAX_WIDTH = 100,
    PANEL_TEXT_SIZE = 8192,
    PANEL_ANSWER_SIZE = 1024
};

typedef struct panel {
    bool quiet;                 /**< print errors only */
    bool terminal;              /**< whether the panel is shown and keys are read */
    size_t drawn;               /**< number of the panel's lines above the cursor */
    float shown[BSM_NUM_PARTS]; /**< levels as shown: they fall more slowly than the audio's */
    bool asking;                /**< whether a line is being typed */
    char answer[PANEL_ANSWER_SIZE];
    struct termios saved;
} panel;

/** Use the terminal if standard input and output are one and the program is in its foreground. */
void panel_open(panel *p, bool quiet);

/** Restore the terminal. May be called twice. */
void panel_close(panel *p);

/** Print a line above the panel, unless quiet. */
void panel_print(panel *p, const char *format, ...) BSM_PRINTF(2, 3);

/** Print an error or a warning on standard error, even if quiet. */
void panel_complain(panel *p, const char *format, ...) BSM_PRINTF(2, 3);

/** Show the present state if there is a terminal. */
void panel_draw(panel *p, const live_view *view);

/** Return the next key that was pressed, or 0. */
char panel_key(const panel *p);

/** Ask for the name of a model file. Until it is typed, keys must be passed to panel_type. */
void panel_ask(panel *p);

/** Take a key of the answer. Return true if the answer is complete and not empty; Escape cancels
 *  it. */
bool panel_type(panel *p, char key);

/** Format the PANEL_LINES lines of the panel, and up to PANEL_FIT_LINES more for the sentence about
 *  the model and this machine. Each has `width` columns at most and ends in a newline. `answer` is
 *  the part of an answer that has been typed; NULL if nothing is asked. */
void panel_format(const live_view *view, const float levels[BSM_NUM_PARTS], const char *answer,
                  size_t width, char text[PANEL_TEXT_SIZE]);

/* ---- A file of statistics: one JSON object per line ---- */

typedef struct stats_log {
    const char *path;
    FILE *file; /**< NULL: none */
} stats_log;

/** Open a log that appends to `path`. BSM_NO_PERMISSION, BSM_IO and others. */
BSM_NODISCARD bsm_status stats_log_open(stats_log *log, const char *path, bsm_error *error);

/** Write one line. A failure closes the log, because the music must go on when the disk is full. */
BSM_NODISCARD bsm_status stats_log_write(stats_log *log, const live_view *view, bsm_error *error);

void stats_log_close(stats_log *log);

#endif
