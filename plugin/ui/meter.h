/* SPDX-License-Identifier: ISC */
/** A meter that falls slowly, with its highest peak held for a while. */
#ifndef BSM_UI_METER_H
#define BSM_UI_METER_H

#include <stdbool.h>

typedef struct bsm_meter {
    double db, hold;   /**< as shown; BSM_METER_SILENT: nothing */
    double hold_until; /**< seconds */
} bsm_meter;

#define BSM_METER_SILENT (-120.0)

/** Take a peak (a factor), `elapsed` seconds after the last one. */
void bsm_meter_feed(bsm_meter *meter, double peak, double elapsed, double now);

/** Whether it still shows something. */
bool bsm_meter_moves(const bsm_meter *meter);

#endif
