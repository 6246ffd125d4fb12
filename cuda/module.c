/* SPDX-License-Identifier: ISC */
/* The table that libbsm looks up in libbsm-cuda.so. */
#include "device.h"
#include "device/cuda_module.h"
#include "gpu.h"

BSM_API bsm_cuda_module_function bsm_cuda_module_entry;

const bsm_cuda_module *bsm_cuda_module_entry(void)
{
    static const bsm_cuda_module module = {
        .abi = BSM_CUDA_MODULE_ABI,
        .version = BSM_VERSION,
        .config_size = sizeof(bsm_config),
        .weights_size = sizeof(bsm_weights),
        .device_size = sizeof(bsm_device),
        .find = bsm_gpu_find,
        .take = bsm_gpu_take,
        .device = &bsm_cuda_device,
    };
    return &module;
}
