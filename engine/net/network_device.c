/* SPDX-License-Identifier: ISC */
/* What a network is asked about the device that it runs on. */
#include "bsm/network.h"
#include "net/place.h"
#include "net/scan_times.h"
#include "net/sound.h"

size_t bsm_network_gpu_memory(const bsm_network *network)
{
    const bsm_place *place = bsm_network_place(network);
    return place->device->memory ? place->device->memory(place->workspace) : 0;
}

bool bsm_network_takes_sound(const bsm_network *network)
{
    return bsm_network_place(network)->device->analyse != NULL;
}

bsm_status bsm_network_scan_times(bsm_network *network, size_t frames, size_t repeats,
                                  bsm_scan_times *times, bsm_error *error)
{
    const bsm_place *place = bsm_network_place(network);
    if (!place->device->scan_times) {
        return bsm_fail(error, BSM_UNSUPPORTED, "%s: its scan alone cannot be timed",
                        bsm_network_device_name(network));
    }
    return place->device->scan_times(place->workspace, frames, repeats, times, error);
}
