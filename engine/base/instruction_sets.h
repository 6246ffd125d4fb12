/* SPDX-License-Identifier: ISC */
/** The instruction sets that kernels are compiled for, each better than those before it: what every
 *  processor of the architecture has, and on x86-64 AVX2 (with FMA) and AVX-512 (F, BW, DQ, VL).
 *  engine/meson.build has their compiler options. */
#ifndef BSM_INSTRUCTION_SETS_H
#define BSM_INSTRUCTION_SETS_H

#include <stddef.h>

/** How many of them the processor has that this runs on, from 1. */
size_t bsm_instruction_sets(void);

#endif
