/* SPDX-License-Identifier: ISC */
/** The mixture's spectrum over the last seconds, and how much of it is vocals. */
#ifndef BSM_UI_SPECTRUM_H
#define BSM_UI_SPECTRUM_H

#include "scene.h"

enum { BSM_SPECTRUM_BANDS = 80, BSM_SPECTRUM_COLUMNS = 128 };

/** Ends of the bands, which are as wide as their logarithms. */
#define BSM_SPECTRUM_LOW 60.0
#define BSM_SPECTRUM_HIGH 18000.0

/** One band at one time: 0 is silence, 255 full. */
typedef struct bsm_spectrum_cell {
    uint8_t level;  /**< of the mixture, in decibels */
    uint8_t vocals; /**< their share of its power */
} bsm_spectrum_cell;

typedef struct bsm_spectrum {
    unsigned next; /**< column to be written, the oldest one */
    bsm_spectrum_cell cells[BSM_SPECTRUM_COLUMNS][BSM_SPECTRUM_BANDS]; /**< lowest band first */
} bsm_spectrum;

/** Take one column more. */
void bsm_spectrum_add(bsm_spectrum *spectrum, const bsm_scene *scene);

/** Where a frequency is, from 0 at the bottom to 1. */
double bsm_spectrum_place(double frequency);

#endif
