/* SPDX-License-Identifier: ISC */
/** Dropout by the index of a value, so that every device drops the same values. */
#ifndef BSM_DEVICE_DROPOUT_H
#define BSM_DEVICE_DROPOUT_H

#include <stdbool.h>

#include "model/random.h"

/** The key of a mixer, in the item whose key is `item_key`. */
static inline uint64_t bsm_dropout_key(uint64_t item_key, size_t layer, bool along_bands,
                                       bool backward)
{
    return bsm_splitmix(item_key, 4 * layer + (along_bands ? 2 : 0) + (backward ? 1 : 0));
}

/** The factor by which dropout multiplies value `index` of a mixer's output: 0 or 1 / (1 - p).
 *  `key` mixes the item's key with the mixer's place in the network (bsm_dropout_key). `index` is
 *  (sequence * length + step) * dim + feature. Along time, a sequence is a band and its steps are
 *  the frames; along bands, a sequence is a frame and its steps are the bands. Steps are counted
 *  from the first frame or band for the backward mixer, too. */
BSM_HOST_AND_GPU static inline float bsm_dropout_factor(uint64_t key, uint64_t index, double p)
{
    return bsm_uniform(key, index) < p ? 0.0f : (float)(1 / (1 - p));
}

#endif
