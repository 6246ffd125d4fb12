/* SPDX-License-Identifier: ISC */
/** Blocks that are large and walked through again and again. */
#ifndef BSM_LARGE_MEMORY_H
#define BSM_LARGE_MEMORY_H

#include <stddef.h>

/** Memory for free(), aligned to 64 bytes at least; NULL if there is none. From some MB on it
 *  asks for huge pages, without which the processor keeps looking up where pages of 4 KB are: a
 *  step of training takes 2 to 3 % longer. Not on the audio thread. */
void *bsm_large_alloc(size_t bytes);

#endif
