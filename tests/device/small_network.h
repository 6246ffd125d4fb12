/* SPDX-License-Identifier: ISC */
/** A network small enough for finite differences, with odd sizes. */
#ifndef BSM_TESTS_SMALL_NETWORK_H
#define BSM_TESTS_SMALL_NETWORK_H

#include "bsm/model.h"

/** Return a configuration with three bands, one layer and two stems. */
bsm_config small_network_config(size_t heads, size_t d_state, size_t d_conv, size_t channels);

/** Return an untrained model with larger weights of the scan, over `*vector`, which may be
 *  written. */
bsm_model *small_network_model(const bsm_config *config, float **vector);

#endif
