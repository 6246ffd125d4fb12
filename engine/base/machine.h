/* SPDX-License-Identifier: ISC */
/** What depends on the machine: instruction sets, and memory in large pages. */
#ifndef BSM_BASE_MACHINE_H
#define BSM_BASE_MACHINE_H

#include <stddef.h>

/* The instruction sets that kernels are compiled for, each better than those before it: what every
 *  processor of the architecture has, and on x86-64 AVX2 (with FMA) and AVX-512 (F, BW, DQ, VL).
 *  engine/meson.build has their compiler options. */

/** How many of them the processor has that this runs on, from 1. */
size_t bsm_instruction_sets(void);

/* ---- Blocks that are large and walked through again and again ---- */

/** Memory for free(), aligned to 64 bytes at least; NULL if there is none. From some MB on it
 *  asks for huge pages, without which the processor keeps looking up where pages of 4 KB are: a
 *  step of training takes 2 to 3 % longer. Not on the audio thread. */
void *bsm_large_alloc(size_t bytes);

#endif
