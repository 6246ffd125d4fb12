/* SPDX-License-Identifier: ISC */
/* The network as a separator. */
#include "separate/separation.h"

static bsm_status run(void *user, const bsm_block *block, bsm_error *error)
{
    return bsm_network_run(user, block, error);
}

static void reset(void *user)
{
    bsm_network_reset(user);
}

bsm_separator bsm_separator_of_network(bsm_network *network)
{
    return (bsm_separator){.user = network, .run = run, .reset = reset};
}

size_t bsm_separation_covered(const bsm_config *config, size_t frames)
{
    return (frames - 1) * config->hop + config->n_fft;
}

size_t bsm_separation_channels(const bsm_separation *separation)
{
    return separation->lanes * separation->config->channels;
}

size_t bsm_separation_planes(const bsm_separation *separation)
{
    size_t stems = 0;
    for (size_t s = 0; s < separation->config->num_stems; s++) {
        stems += separation->wanted[s];
    }
    return stems * bsm_separation_channels(separation);
}

void bsm_separation_stems(const bsm_separation *separation, float *const *planes,
                          float *const *stems[BSM_MAX_STEMS])
{
    for (size_t s = 0; s < BSM_MAX_STEMS; s++) {
        stems[s] = separation->wanted[s] ? planes : NULL;
        planes += separation->wanted[s] ? separation->config->channels : 0;
    }
}
