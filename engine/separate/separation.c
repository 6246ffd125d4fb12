/* SPDX-License-Identifier: ISC */
/* The network as a separator. */
#include "separate/separation.h"

#include "net/sound.h"

static bsm_status forward(void *user, const float *spectrum, size_t frames, float *const *stems,
                          bsm_error *error)
{
    return bsm_network_forward(user, spectrum, frames, stems, error);
}

static bsm_status stream(void *user, const float *spectrum, size_t frames, size_t commit,
                         float *const *stems, bsm_error *error)
{
    return bsm_network_stream(user, spectrum, frames, commit, stems, error);
}

static void reset(void *user)
{
    bsm_network_reset(user);
}

static bsm_status sound(void *user, const bsm_block *block, const bsm_sound *of, bsm_error *error)
{
    return bsm_network_sound(user, block, of, error);
}

bsm_separator bsm_separator_of_network(bsm_network *network)
{
    return (bsm_separator){.user = network,
                           .forward = forward,
                           .stream = stream,
                           .reset = reset,
                           .sound = bsm_network_takes_sound(network) ? sound : NULL};
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
