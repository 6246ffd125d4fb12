/* SPDX-License-Identifier: ISC */
/* The network as a separator, and long signals in the windows or the blocks of a plan. */
#include "separate/separation.h"

#include <stdlib.h>

/* ---- The network as a separator ---- */

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

/* ---- Separating a long signal in the windows or the blocks of a plan ---- */

struct bsm_cutter {
    bsm_windows *windows; /* one of these two is used */
    bsm_blocks *blocks;
};

bsm_status bsm_cutter_new(const bsm_separation *separation, const bsm_separate_plan *plan,
                          const char *name, bsm_cutter **cutter, bsm_error *error)
{
    *cutter = NULL;
    if (plan->commit && separation->lanes > 1) {
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "%s: is stereo, and the model mono: this works in windows, not as a stream",
                        name);
    }
    bsm_cutter *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    }
    const bsm_block_shape shape = {plan->commit, plan->lookahead, plan->memory.history};
    bsm_status status =
        plan->commit ? bsm_blocks_new(separation, &shape, &made->blocks, error)
                     : bsm_windows_new(separation, plan->window, plan->step, &made->windows, error);
    if (status) {
        free(made);
        return status;
    }
    *cutter = made;
    return BSM_OK;
}

void bsm_cutter_free(bsm_cutter *cutter)
{
    if (cutter) {
        bsm_windows_free(cutter->windows);
        bsm_blocks_free(cutter->blocks);
        free(cutter);
    }
}

bsm_status bsm_cutter_next(bsm_cutter *cutter, float *const **audio, size_t *count,
                           bsm_error *error)
{
    return cutter->blocks ? bsm_blocks_next(cutter->blocks, audio, count, error)
                          : bsm_windows_next(cutter->windows, audio, count, error);
}
