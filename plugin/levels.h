/* SPDX-License-Identifier: ISC */
/** How loud both parts were, and how much of them was let through: what the display draws. Written
 *  by the audio thread, read by any other, without a lock. */
#ifndef BSM_PLUGIN_LEVELS_H
#define BSM_PLUGIN_LEVELS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "controls.h"

enum { BSM_LEVEL_COLUMNS = 256, BSM_LEVEL_MAX = 255 };

/** Peaks of 40 ms, 0 (-60 dB and less) to BSM_LEVEL_MAX (0 dB). */
typedef struct bsm_level {
    uint8_t vocals, instrumental;             /**< separated */
    uint8_t vocals_heard, instrumental_heard; /**< after their gains */
} bsm_level;

typedef struct bsm_levels {
    size_t length, left; /**< samples of a column, and of the one that is not complete */
    float vocals, instrumental;
    _Atomic uint32_t columns[BSM_LEVEL_COLUMNS];
    _Atomic uint32_t count; /**< columns written since the start */
} bsm_levels;

void bsm_levels_init(bsm_levels *levels, size_t sample_rate);

/** True when a column has become complete. */
BSM_REALTIME bool bsm_levels_feed(bsm_levels *levels, const bsm_parts *parts,
                                  const bsm_controls *controls, size_t frames);

/** The column `age` before the newest one; silence where there is none. */
BSM_REALTIME bsm_level bsm_levels_read(const bsm_levels *levels, uint32_t age);

#endif
