/* SPDX-License-Identifier: ISC */
#include "meter.h"

#include <math.h>

static const double FALL = 26; /* dB per second */
static const double HOLD = 1.5;

void bsm_meter_feed(bsm_meter *meter, double peak, double elapsed, double now)
{
    const double db = peak > 1e-6 ? 20 * log10(peak) : BSM_METER_SILENT;
    meter->db = fmax(fmax(db, meter->db - FALL * elapsed), BSM_METER_SILENT);
    if (meter->db >= meter->hold || now >= meter->hold_until) {
        meter->hold = fmax(meter->db, BSM_METER_SILENT);
        meter->hold_until = now + HOLD;
    }
}

bool bsm_meter_moves(const bsm_meter *meter)
{
    return meter->db > BSM_METER_SILENT || meter->hold > BSM_METER_SILENT;
}
