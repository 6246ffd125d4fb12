/* SPDX-License-Identifier: ISC */
/* Separating a long signal in the windows or the blocks of a plan. */
#include "separate/cutter.h"

#include <stdlib.h>

#include "separate/blocks.h"
#include "separate/windows.h"

struct bsm_cutter {
    bsm_windows *windows; /* one of these two */
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
