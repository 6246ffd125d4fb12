/* SPDX-License-Identifier: ISC */
/* The two ways in which the audio thread and the worker tell each other something. */
#include "stream/timeline.h"

#include <stdlib.h>
#include <string.h>

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
        /* Initialise a slot with a time that can never be its own. */
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

/* Each byte is atomic and ordered by itself, because the thread sanitizer does not understand
 * fences. */
void bsm_failure_set(bsm_failure *failure, const char *line)
{
    unsigned edition = atomic_load_explicit(&failure->edition, memory_order_relaxed);
    size_t length = strnlen(line, sizeof failure->line - 1);
    atomic_store_explicit(&failure->edition, edition + 1, memory_order_relaxed);
    for (size_t i = 0; i <= length; i++) {
        atomic_store_explicit(&failure->line[i], i < length ? line[i] : '\0', memory_order_release);
    }
    atomic_store_explicit(&failure->edition, edition + 2, memory_order_release);
}

bool bsm_failure_get(const bsm_failure *failure, char *line, size_t size)
{
    unsigned edition = atomic_load_explicit(&failure->edition, memory_order_acquire);
    size_t length = 0;
    for (; length + 1 < size && length + 1 < sizeof failure->line; length++) {
        line[length] = atomic_load_explicit(&failure->line[length], memory_order_acquire);
        if (!line[length]) {
            break;
        }
    }
    line[length] = '\0';
    return edition % 2 == 0 &&
           atomic_load_explicit(&failure->edition, memory_order_relaxed) == edition;
}
