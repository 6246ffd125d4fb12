/* SPDX-License-Identifier: ISC */
/** Between the two kernels of a scan backward. */
#ifndef BSM_CUDA_TRAINING_FUSED_SCAN_BACKWARD_H
#define BSM_CUDA_TRAINING_FUSED_SCAN_BACKWARD_H

#include "training/training_kernels.h"

/** d_behind of each chunk. */
void bsm_fused_states_backward(bsm_kernel_queue queue, const bsm_fused_scan_backward &b);

#endif
