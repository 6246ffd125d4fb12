/* SPDX-License-Identifier: ISC */
/* Times the sequential scan against the device's own, where the device has memory of its own. */
#include <stdio.h>

#include "bench.h"
#include "net/scan_times.h"

bsm_status bench_device_scan(bsm_model *model, const bsm_network_options *options, double seconds,
                             size_t repeats, bench_device_scan_result *result, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(model);
    bsm_network_options sized = *options;
    sized.max_frames = 1 + (size_t)(seconds * (double)config->sample_rate) / config->hop;
    bsm_network *network = NULL;
    bsm_scan_times times;
    bsm_status status = bsm_network_new(model, &sized, &network, error);
    if (!status) {
        status = bsm_network_scan_times(network, sized.max_frames, repeats, &times, error);
    }
    if (!status) {
        *result = (bench_device_scan_result){.sequences = times.sequences,
                                             .frames = times.steps,
                                             .sequential = times.sequential,
                                             .fast = times.fast,
                                             .difference = times.difference};
        snprintf(result->device, sizeof result->device, "%s", bsm_network_device_name(network));
    }
    bsm_network_free(network);
    return status;
}
