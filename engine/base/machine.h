/* SPDX-License-Identifier: ISC */
/** What depends on the machine: instruction sets, and memory in large pages. */
#ifndef BSM_BASE_MACHINE_H
#define BSM_BASE_MACHINE_H

#include <stddef.h>

/* The instruction sets that kernels are compiled for, in ascending order: the architecture's
 * baseline, and on x86-64 AVX2 (with FMA) and AVX-512 (F, BW, DQ, VL). engine/meson.build has
 * their compiler options. */

/** How many of them this processor supports; at least 1. */
size_t bsm_instruction_sets(void);

/* ---- Large memory that is traversed again and again ---- */

/** Allocate memory that free() frees, aligned to at least 64 bytes; NULL if there is none. Blocks
 *  of some megabytes ask for huge pages: with pages of 4 KB, address translation makes a training
 *  step 2 to 3 % slower. Not for the audio thread. */
void *bsm_large_alloc(size_t bytes);

#endif
