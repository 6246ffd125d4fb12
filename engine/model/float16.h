/* SPDX-License-Identifier: ISC */
/** Conversion of 16-bit floating-point numbers. They round to nearest, ties to even. */
#ifndef BSM_MODEL_HALF_H
#define BSM_MODEL_HALF_H

#include <stdint.h>

float bsm_float_of_half(uint16_t half);
float bsm_float_of_bfloat(uint16_t bfloat);

/** Numbers that are too large become infinite; NaN stays NaN. */
uint16_t bsm_half_of_float(float value);
uint16_t bsm_bfloat_of_float(float value);

#endif
