/* SPDX-License-Identifier: ISC */
/** The window on an X server, and the effects of mouse and keyboard on its state. */
#ifndef BSM_PLUGIN_UI_WINDOW_H
#define BSM_PLUGIN_UI_WINDOW_H

#include <stdint.h>

#include "layout.h"

/* ---- What the mouse and the keyboard do to the window's state ---- */

typedef struct bsm_hands {
    bsm_face *face;
    bsm_layout layout; /**< the control under the mouse */

    /* ---- What is told to the plugin; `user` is handed on ---- */
    void *user;
    void (*set_control)(void *user, bsm_port port, float value);
    void (*touch)(void *user, bsm_port port,
                  bool begins); /**< whether a control is being dragged */
    void (*choose_model)(void *user, const char *path);

    double drag_y, drag_place; /**< positions of the mouse, and of the fader without rounding */
    double last_press;         /**< seconds */
    bsm_target last_target;
} bsm_hands;

/** Positions are in units and times in seconds. `fine` is true with Shift. */
void bsm_hands_move(bsm_hands *hands, double x, double y, bool fine);
void bsm_hands_leave(bsm_hands *hands);
void bsm_hands_press(bsm_hands *hands, double x, double y, double time);
void bsm_hands_release(bsm_hands *hands);
void bsm_hands_wheel(bsm_hands *hands, double x, double y, int up, bool fine);

/** Take a key, as in X11/keysym.h. Return false if it has no meaning here. */
bool bsm_hands_key(bsm_hands *hands, uint32_t key, bool shift);

/* ---- The window on an X server ---- */

typedef struct bsm_ui_window bsm_ui_window;

/** Open the window inside the window `parent`, or on its own if that is 0. A `scale` of 0 is that
 *  of the screen. Return NULL if there is no server or no memory. */
bsm_ui_window *bsm_ui_window_open(uint32_t parent, double scale, bsm_hands *hands);
void bsm_ui_window_close(bsm_ui_window *window);

uint32_t bsm_ui_window_id(const bsm_ui_window *window);
void bsm_ui_window_size(const bsm_ui_window *window, int *width, int *height);
void bsm_ui_window_show(bsm_ui_window *window, bool shown);

/** Handle the server's events and draw what has changed. Return false if the user has closed the
 *  window or the server is gone. */
bool bsm_ui_window_idle(bsm_ui_window *window);

#endif
