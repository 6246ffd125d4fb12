/* SPDX-License-Identifier: ISC */
/** The CUDA device's training functions. */
#ifndef BSM_CUDA_TRAINING_H
#define BSM_CUDA_TRAINING_H

#include "device/training.h"

extern const bsm_training_device bsm_cuda_training_table;

#endif
