/* SPDX-License-Identifier: ISC */
#include "levels.h"

#include <math.h>

static const float FLOOR_DB = -60;

enum { COLUMNS_PER_SECOND = 25 };

void bsm_levels_init(bsm_levels *levels, size_t sample_rate)
{
    levels->length = levels->left = sample_rate / COLUMNS_PER_SECOND;
}

static float peak(const float *const planes[2], size_t from, size_t to)
{
    float most = 0;
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = from; i < to; i++) {
            most = fmaxf(most, fabsf(planes[c][i]));
        }
    }
    return most;
}

static uint8_t level_of(float amplitude)
{
    float part = 1 - 20 * log10f(amplitude + 1e-6f) / FLOOR_DB;
    return (uint8_t)(BSM_LEVEL_MAX * fminf(fmaxf(part, 0), 1));
}

static void end_column(bsm_levels *levels, const bsm_controls *controls)
{
    float bypass = controls->bypass.value;
    float vocals = controls->vocals.value, instrumental = controls->instrumental.value;
    uint32_t column =
        (uint32_t)level_of(levels->vocals) | (uint32_t)level_of(levels->instrumental) << 8 |
        (uint32_t)level_of(levels->vocals * (vocals + bypass * (1 - vocals))) << 16 |
        (uint32_t)level_of(levels->instrumental * (instrumental + bypass * (1 - instrumental)))
            << 24;
    uint32_t count = atomic_load_explicit(&levels->count, memory_order_relaxed);
    atomic_store_explicit(&levels->columns[count % BSM_LEVEL_COLUMNS], column,
                          memory_order_relaxed);
    atomic_store_explicit(&levels->count, count + 1, memory_order_release);
    levels->vocals = levels->instrumental = 0;
    levels->left = levels->length;
}

bool bsm_levels_feed(bsm_levels *levels, const bsm_parts *parts, const bsm_controls *controls,
                     size_t frames)
{
    bool complete = false;
    for (size_t at = 0; at < frames;) {
        size_t count = frames - at < levels->left ? frames - at : levels->left;
        levels->vocals = fmaxf(levels->vocals, peak(parts->vocals, at, at + count));
        levels->instrumental =
            fmaxf(levels->instrumental, peak(parts->instrumental, at, at + count));
        at += count;
        levels->left -= count;
        if (levels->left == 0) {
            end_column(levels, controls);
            complete = true;
        }
    }
    return complete;
}

bsm_level bsm_levels_read(const bsm_levels *levels, uint32_t age)
{
    uint32_t count = atomic_load_explicit(&levels->count, memory_order_acquire);
    if (age >= BSM_LEVEL_COLUMNS || age >= count) {
        return (bsm_level){0};
    }
    uint32_t column = atomic_load_explicit(&levels->columns[(count - 1 - age) % BSM_LEVEL_COLUMNS],
                                           memory_order_relaxed);
    return (bsm_level){.vocals = (uint8_t)column,
                       .instrumental = (uint8_t)(column >> 8),
                       .vocals_heard = (uint8_t)(column >> 16),
                       .instrumental_heard = (uint8_t)(column >> 24)};
}
