/* SPDX-License-Identifier: ISC */
/** How long a network's device takes for the scan of one mixer, for bsm-bench. */
#ifndef BSM_NET_SCAN_TIMES_H
#define BSM_NET_SCAN_TIMES_H

#include "bsm/network.h"
#include "device/device.h"

/** As bsm_device.scan_times, between calls of the network. A device that fails is not given up for
 *  another here, but by the next call.
 *  BSM_UNSUPPORTED: it cannot, or the network has been handed over to one that cannot. */
BSM_NODISCARD bsm_status bsm_network_scan_times(bsm_network *network, size_t frames, size_t repeats,
                                                bsm_scan_times *times, bsm_error *error);

#endif
