/* SPDX-License-Identifier: ISC */
/** Bands of many widths as a few batches of products. */
#ifndef BSM_CUDA_CLASSES_H
#define BSM_CUDA_CLASSES_H

#include "weights.h"

/** Fill `classes` (room for num_bands) but for their matrices; returns how many there are. */
size_t bsm_classes_of(const bsm_config *config, bsm_band_class *classes, size_t *packed_width);

/** Where each band lies. */
void bsm_classes_pack(const bsm_config *config, const bsm_band_class *classes, size_t num_classes,
                      bsm_packed_band *bands);

#endif
