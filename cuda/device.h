/* SPDX-License-Identifier: ISC */
/** The CUDA device. */
#ifndef BSM_CUDA_DEVICE_H
#define BSM_CUDA_DEVICE_H

#include "device/device.h"

extern const bsm_device bsm_cuda_device;

#endif
