/* SPDX-License-Identifier: ISC */
/* The device under test is the one of libbsm-cuda.so, on a GPU. */
#include <stdio.h>

#include "device_under_test.h"

const bsm_device *device_under_test(void)
{
    const bsm_device *device = NULL;
    bsm_error error = {0};
    if (bsm_device_find(BSM_DEVICE_CUDA, &device, &error)) {
        printf("skipped: %s\n", error.message);
        return NULL;
    }
    char text[256];
    device->describe(text, sizeof text);
    puts(text);
    return device;
}

bool device_is_a_gpu(void)
{
    return true;
}
