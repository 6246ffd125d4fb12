/* SPDX-License-Identifier: ISC */
/** What the mouse and the keyboard do to the window's state. */
#ifndef BSM_UI_HANDS_H
#define BSM_UI_HANDS_H

#include <stdint.h>

#include "layout.h"

typedef struct bsm_hands {
    bsm_face *face;
    bsm_layout layout; /**< in which the mouse is */

    /* ---- What is told to the plugin; `user` is handed on ---- */
    void *user;
    void (*set_control)(void *user, bsm_port port, float value);
    void (*touch)(void *user, bsm_port port, bool begins); /**< a hand is at a control */
    void (*choose_model)(void *user, const char *path);

    double drag_y, drag_place; /**< the mouse, and the fader without rounding */
    double last_press;         /**< seconds */
    bsm_target last_target;
} bsm_hands;

/** Places in units, times in seconds. `fine`: with Shift. */
void bsm_hands_move(bsm_hands *hands, double x, double y, bool fine);
void bsm_hands_leave(bsm_hands *hands);
void bsm_hands_press(bsm_hands *hands, double x, double y, double time);
void bsm_hands_release(bsm_hands *hands);
void bsm_hands_wheel(bsm_hands *hands, double x, double y, int up, bool fine);

/** A key as X11/keysym.h has it. False: it is of no use here. */
bool bsm_hands_key(bsm_hands *hands, uint32_t key, bool shift);

#endif
