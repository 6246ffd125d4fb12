/* SPDX-License-Identifier: ISC */
/** The golden cases of the scan alone (ssd.safetensors). */
#ifndef BSM_TESTS_SCAN_CASE_H
#define BSM_TESTS_SCAN_CASE_H

#include "bsm/config.h"
#include "golden.h"

/** x, y: [batch][step][head][headdim]; dt: [batch][step][head]; A, D: [head]; B, C:
 *  [batch][step][d_state]; states: [batch][head][headdim][d_state]. */
typedef struct scan_case {
    bsm_config config; /**< only the fields that the scan needs */
    size_t batch, steps;
    golden_tensor x, B, C, dt, A, D, state_in, y, state_out;

    golden_tensor dy; /**< gradient by y; that by state_out is zero */
    golden_tensor dx, dB, dC, ddt, dA, dD, dstate_in;
} scan_case;

/** Load case 'a' to 'd', which lives as long as `file`. */
scan_case scan_case_load(const golden *file, char letter);

#endif
