/* SPDX-License-Identifier: ISC */
/* Which devices there are. */
#include "device/device.h"

#include <string.h>

bsm_status bsm_device_kind_parse(const char *name, bsm_device_kind *kind, bsm_error *error)
{
    static const struct {
        const char *name;
        bsm_device_kind kind;
    } kinds[] = {
        {"auto", BSM_DEVICE_AUTO},
        {"cpu", BSM_DEVICE_CPU},
        {"reference", BSM_DEVICE_REFERENCE},
        {"cuda", BSM_DEVICE_CUDA},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!strcmp(name, kinds[i].name)) {
            *kind = kinds[i].kind;
            return BSM_OK;
        }
    }
    return bsm_fail(error, BSM_NOT_FOUND, "device '%s': expected auto, cpu, reference or cuda",
                    name);
}

bsm_status bsm_device_find(bsm_device_kind kind, const bsm_device **device, bsm_error *error)
{
    switch (kind) {
    case BSM_DEVICE_AUTO:
    case BSM_DEVICE_CPU: *device = &bsm_cpu_device; return BSM_OK;
    case BSM_DEVICE_REFERENCE: *device = &bsm_reference_device; return BSM_OK;
    case BSM_DEVICE_CUDA:
        return bsm_fail(error, BSM_NO_DEVICE, "device cuda: this build of bsm has no CUDA device");
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "device %d: no such kind", (int)kind);
}
