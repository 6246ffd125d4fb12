/* SPDX-License-Identifier: ISC */
/** Opens libbsm-cuda.so at run time, and defines what it and libbsm exchange.
 *
 *  Nothing else in bsm links CUDA. The module has its own copy of the few engine functions that it
 *  needs, and uses nothing from the program that opens it. */
#ifndef BSM_DEVICE_CUDA_MODULE_H
#define BSM_DEVICE_CUDA_MODULE_H

#include "device/device.h"

/** The version of the interface; raise it when something changes that the sizes below do not
 *  show. */
enum { BSM_CUDA_MODULE_ABI = 6 };

typedef struct bsm_cuda_module {
    unsigned int abi;
    const char *version;                           /**< of bsm */
    size_t config_size, weights_size, device_size; /**< of the structs */

    /** Describe in one line the GPU that will be used. BSM_NO_DEVICE: there is none, and why. */
    bsm_status (*find)(char *text, size_t size, bsm_error *error);
    /** Like bsm_device_take_gpu. */
    bsm_status (*take)(size_t place, size_t processes, bsm_error *error);
    const bsm_device *device;
} bsm_cuda_module;

/** The one function that the module exports. */
#define BSM_CUDA_MODULE_ENTRY "bsm_cuda_module_entry"
typedef const bsm_cuda_module *bsm_cuda_module_function(void);

/** Get the module if it and a GPU are present; it is opened once and never closed. Any thread.
 *  BSM_NO_DEVICE, and why. */
bsm_status bsm_cuda_module_get(const bsm_cuda_module **module, bsm_error *error);

/** Whether the module's file exists, usable or not. */
bool bsm_cuda_module_installed(void);

/** BSM_OK if this module can be used here. */
bsm_status bsm_cuda_module_check(const char *path, const bsm_cuda_module *module, bsm_error *error);

#endif
