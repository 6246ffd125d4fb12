/* SPDX-License-Identifier: ISC */
/** The program's face: a small panel and keys on a terminal, plain lines anywhere else. */
#ifndef BSM_LIVE_PANEL_H
#define BSM_LIVE_PANEL_H

#include <stdio.h>
#include <termios.h>

#include "view.h"

enum { PANEL_LINES = 5, PANEL_MAX_WIDTH = 100, PANEL_TEXT_SIZE = 4096 };

typedef struct panel {
    bool quiet;                 /**< errors only */
    bool terminal;              /**< the panel is shown and keys are read */
    bool drawn;                 /**< the panel's lines are above the cursor */
    float shown[MIX_NUM_STEMS]; /**< levels, which fall slower than the sound's */
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

/** The panel's PANEL_LINES lines, each at most `width` columns and ended by a newline. */
void panel_format(const live_view *view, const float levels[MIX_NUM_STEMS], size_t width,
                  char text[PANEL_TEXT_SIZE]);

#endif
