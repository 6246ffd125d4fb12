/* SPDX-License-Identifier: ISC */
/** The window on an X server, and the effects of mouse and keyboard. All functions are called in
 *  the host's user interface thread. */
#ifndef BSM_PLUGIN_UI_WINDOW_H
#define BSM_PLUGIN_UI_WINDOW_H

#include <stdint.h>

#include "layout.h"

/* ---- The effects of mouse and keyboard on the state of the window ---- */

typedef struct bsm_hands {
    bsm_face *face;
    bsm_layout layout; /**< the current layout */

    /* ---- Called to tell the plugin, each with `user` ---- */
    void *user;
    void (*set_control)(void *user, bsm_port port, float value);
    /** the user begins or stops moving a control */
    void (*touch)(void *user, bsm_port port, bool begins);
    void (*choose_model)(void *user, const char *path);

    double drag_y, drag_place; /**< in a drag, the mouse, and the knob without rounding */
    double last_press;         /**< time of the last press in seconds, for double clicks */
    bsm_target last_target;    /**< what was pressed then */
} bsm_hands;

/** Positions are in units, times in seconds. `fine`: Shift is held, so steps are small. */
void bsm_hands_move(bsm_hands *hands, double x, double y, bool fine);
void bsm_hands_leave(bsm_hands *hands);
void bsm_hands_press(bsm_hands *hands, double x, double y, double time);
void bsm_hands_release(bsm_hands *hands);
void bsm_hands_wheel(bsm_hands *hands, double x, double y, int up, bool fine);

/** Handle a key, which is a symbol of X11/keysym.h. Returns false if it has no meaning here. */
bool bsm_hands_key(bsm_hands *hands, uint32_t key, bool shift);

/* ---- The window on an X server ---- */

typedef struct bsm_ui_window bsm_ui_window;

/** Open the window inside the window `parent`, or as a window of its own if that is 0. If `scale`
 *  is 0, it is that of the screen. Returns NULL if there is no server or no memory. */
bsm_ui_window *bsm_ui_window_open(uint32_t parent, double scale, bsm_hands *hands);
void bsm_ui_window_close(bsm_ui_window *window);

/** Return the id of the window on the server. */
uint32_t bsm_ui_window_id(const bsm_ui_window *window);

/** Get the size in pixels. */
void bsm_ui_window_size(const bsm_ui_window *window, int *width, int *height);

void bsm_ui_window_show(bsm_ui_window *window, bool shown);

/** Handle the events of the server, and draw what has changed. Returns false if the user has closed
 *  the window or the server is gone. */
bool bsm_ui_window_idle(bsm_ui_window *window);

#endif
