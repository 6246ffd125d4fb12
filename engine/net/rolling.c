/* SPDX-License-Identifier: ISC */
/* Rolling memory, counted in frames. */
#include "net/rolling.h"

void bsm_roll_reset(bsm_roll *roll)
{
    *roll = (bsm_roll){.rule = roll->rule};
}

void bsm_roll_begin(bsm_roll *roll, const bsm_block *block)
{
    const bsm_rolling *rule = &roll->rule;
    if (rule->segment == 0) {
        return;
    }
    if (roll->age[roll->heard] + block->frames > rule->segment) {
        roll->age[roll->heard] = 0;
        roll->heard = 1 - roll->heard;
    }
    const size_t seen = roll->age[roll->heard] + block->frames;
    const size_t left = seen < rule->segment ? (rule->segment - seen) / block->commit : 0;
    const size_t needed = (rule->warmup + block->commit - 1) / block->commit;
    roll->warms = left < needed || roll->age[1 - roll->heard] > 0;
}

void bsm_roll_end(bsm_roll *roll, const bsm_block *block)
{
    roll->age[roll->heard] += block->commit;
    if (roll->warms) {
        roll->age[1 - roll->heard] += block->commit;
    }
}
