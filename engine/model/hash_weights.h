/* SPDX-License-Identifier: ISC */
/** Weights that are a hash of their names, so that a test needs no weight file. */
#ifndef BSM_MODEL_HASH_WEIGHTS_H
#define BSM_MODEL_HASH_WEIGHTS_H

#include "bsm/model.h"

/** Fill `weights` (tensor->count floats) with the hash weights of `tensor`; its data is not used.
 */
void bsm_hash_weights(const bsm_tensor *tensor, float *weights);

#endif
