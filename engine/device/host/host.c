/* SPDX-License-Identifier: ISC */
/* The part of training that all devices on host memory share: its making and its memory. */
#include "device/host/host.h"

#include "base/team.h"
#include "device/host/signals.h"
#include "device/host/vectors.h"
#include "model/vector.h"

bsm_status bsm_host_plan(const bsm_config *config, const bsm_training_options *options,
                         bsm_training_memory *memory, bsm_error *error)
{
    size_t size;
    bsm_status status = bsm_vector_size(config, &size, error);
    if (!status) {
        memory->parameters += BSM_NUM_TRAINING_VECTORS * size * sizeof(float);
        memory->scratch += bsm_host_signals_bytes(config, options);
    }
    return status;
}

bsm_status bsm_host_init(bsm_host *host, const bsm_config *config,
                         const bsm_training_options *options, const float *parameters,
                         bsm_error *error)
{
    *host = (bsm_host){
        .config = *config, .options = *options, .frames = 1 + options->samples / config->hop};
    bsm_team_join(options->threads);
    bsm_status status = bsm_host_vectors_new(host, parameters, error);
    if (!status) {
        status = bsm_host_signals_new(host, error);
    }
    if (status) {
        bsm_host_clear(host);
    }
    return status;
}

void bsm_host_clear(bsm_host *host)
{
    bsm_team_leave();
    bsm_host_vectors_free(host);
    bsm_host_signals_free(host->signals);
    *host = (bsm_host){0};
}
