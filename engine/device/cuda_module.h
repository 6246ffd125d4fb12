/* SPDX-License-Identifier: ISC */
/** libbsm-cuda.so, which is opened at run time, and what it and libbsm tell each other.
 *
 *  Nothing else of bsm links CUDA. The module has its own copy of the few engine functions that it
 *  needs, and takes nothing from the program it is opened by. */
#ifndef BSM_DEVICE_CUDA_MODULE_H
#define BSM_DEVICE_CUDA_MODULE_H

#include "device/device.h"

/** Of both sides: raise it when something changes that the sizes below do not show. */
enum { BSM_CUDA_MODULE_ABI = 6 };

typedef struct bsm_cuda_module {
    unsigned int abi;
    const char *version;                           /**< of bsm */
    size_t config_size, weights_size, device_size; /**< of the structs */

    /** One line on the GPU that will be used. BSM_NO_DEVICE: none can be, and why. */
    bsm_status (*find)(char *text, size_t size, bsm_error *error);
    /** As bsm_device_take_gpu. */
    bsm_status (*take)(size_t place, size_t processes, bsm_error *error);
    const bsm_device *device;
} bsm_cuda_module;

/** The one function that the module exports. */
#define BSM_CUDA_MODULE_ENTRY "bsm_cuda_module_entry"
typedef const bsm_cuda_module *bsm_cuda_module_function(void);

/** The module, if it and a GPU are there; opened once, never closed. Any thread.
 *  BSM_NO_DEVICE, and why. */
bsm_status bsm_cuda_module_get(const bsm_cuda_module **module, bsm_error *error);

/** True if the module's file is there, whatever it is good for. */
bool bsm_cuda_module_installed(void);

/** BSM_OK if this module can be used here. */
bsm_status bsm_cuda_module_check(const char *path, const bsm_cuda_module *module, bsm_error *error);

#endif
