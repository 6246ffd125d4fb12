/* SPDX-License-Identifier: ISC */
#include "base/large_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20, LARGE = 4 * HUGE_PAGE };

void *bsm_large_alloc(size_t bytes)
{
    if (bytes > SIZE_MAX - HUGE_PAGE) {
        return NULL;
    }
    const size_t alignment = bytes < LARGE ? CACHE_LINE : HUGE_PAGE;
    void *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#ifdef MADV_HUGEPAGE
    if (memory && bytes >= LARGE) {
        (void)madvise(memory, bytes, MADV_HUGEPAGE); /* without them it only takes longer */
    }
#endif
    return memory;
}
