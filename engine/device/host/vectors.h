/* SPDX-License-Identifier: ISC */
/** The vectors that a training holds. */
#ifndef BSM_DEVICE_HOST_VECTORS_H
#define BSM_DEVICE_HOST_VECTORS_H

#include "device/host/host.h"

/** Make the model, its weights and the vectors; config and options are set. On failure
 *  bsm_host_vectors_free clears what there is. */
bsm_status bsm_host_vectors_new(bsm_host *host, const float *parameters, bsm_error *error);
void bsm_host_vectors_free(bsm_host *host);

#endif
