/* SPDX-License-Identifier: ISC */
#include "stream/failure.h"

#include <string.h>

/* Each byte orders what is around it, since the thread sanitizer knows no fences. */
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
