/* SPDX-License-Identifier: ISC */
/* Runs the golden tests on the devices of libbsm. */
#include "golden_device.h"

const bsm_device *golden_device(const char *name)
{
    bsm_device_kind kind;
    const bsm_device *device = NULL;
    if (bsm_device_kind_parse(name, &kind, NULL) || bsm_device_find(kind, &device, NULL)) {
        return NULL;
    }
    return device;
}
