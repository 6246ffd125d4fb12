/* SPDX-License-Identifier: ISC */
/** A block of samples, a plane per channel, in one allocation. */
#ifndef BSM_SIGNAL_PLANES_H
#define BSM_SIGNAL_PLANES_H

#include <stddef.h>

/** `channels` pointers to `samples` zeroed floats each, to be given to free(); NULL if memory is
 *  short or the size overflows. */
float **bsm_planes_new(size_t channels, size_t samples);

/** Let `at` point to sample `offset` of each plane. */
void bsm_planes_at(float *const *planes, size_t channels, size_t offset, float **at);

#endif
