/* SPDX-License-Identifier: ISC */
/** States of the window, as plugins cause them, which are drawn and compared. */
#ifndef BSM_TESTS_UI_STATES_H
#define BSM_TESTS_UI_STATES_H

#include "face.h"

typedef struct window_state {
    const char *name;
    bool stems;
    void (*make)(bsm_face *face);
} window_state;

enum { WINDOW_STATES = 8 };

extern const window_state window_states[WINDOW_STATES];

#endif
