/* SPDX-License-Identifier: ISC */
/** The window on an X server. */
#ifndef BSM_UI_WINDOW_H
#define BSM_UI_WINDOW_H

#include <stdint.h>

#include "hands.h"

typedef struct bsm_ui_window bsm_ui_window;

/** In the window `parent`; 0: one of its own. `scale` 0: as the screen says. NULL: there is no
 * server, or no memory. */
bsm_ui_window *bsm_ui_window_open(uint32_t parent, double scale, bsm_hands *hands);
void bsm_ui_window_close(bsm_ui_window *window);

uint32_t bsm_ui_window_id(const bsm_ui_window *window);
void bsm_ui_window_size(const bsm_ui_window *window, int *width, int *height);
void bsm_ui_window_show(bsm_ui_window *window, bool shown);

/** Take what the server says, and draw what has changed. False: the user has closed the window, or
 * the server is gone. */
bool bsm_ui_window_idle(bsm_ui_window *window);

#endif
