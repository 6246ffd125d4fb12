/* SPDX-License-Identifier: ISC */
/** The device that golden steps run on. Each program that tests one has its own implementation. */
#ifndef BSM_TESTS_NET_GOLDEN_DEVICE_H
#define BSM_TESTS_NET_GOLDEN_DEVICE_H

#include "device/device.h"

/** Return the device; NULL: there is none of this name. */
const bsm_device *golden_device(const char *name);

#endif
