/* SPDX-License-Identifier: ISC */
/* The device under test is the CUDA device on the emulated GPU. */
#include "../../cuda/device.h"
#include "device_under_test.h"

const bsm_device *device_under_test(void)
{
    return &bsm_cuda_device;
}

bool device_is_a_gpu(void)
{
    return false;
}
