/* SPDX-License-Identifier: ISC */
#include "stream/timeline.h"

#include <stdlib.h>

bool bsm_timeline_init(bsm_timeline *timeline, size_t capacity)
{
    size_t size = 2;
    while (size < capacity) {
        size *= 2;
    }
    timeline->mask = size - 1;
    timeline->slots = malloc(size * 2 * sizeof *timeline->slots);
    if (!timeline->slots) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        /* The time after a slot's own never belongs into it. */
        uint64_t missing = (uint64_t)(uint32_t)(i + 1) << 32;
        atomic_init(&timeline->slots[2 * i], missing);
        atomic_init(&timeline->slots[2 * i + 1], missing);
    }
    return true;
}

void bsm_timeline_clear(bsm_timeline *timeline)
{
    free(timeline->slots);
    timeline->slots = NULL;
}

size_t bsm_timeline_size(const bsm_timeline *timeline)
{
    return (size_t)(timeline->mask + 1) * 2 * sizeof *timeline->slots;
}
