/* SPDX-License-Identifier: ISC */
/** The device that golden steps run on. Each program that tests one has its own. */
#ifndef BSM_TESTS_NET_GOLDEN_DEVICE_H
#define BSM_TESTS_NET_GOLDEN_DEVICE_H

#include "device/device.h"

/** NULL: no such device. */
const bsm_device *golden_device(const char *name);

#endif
