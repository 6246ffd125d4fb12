/* SPDX-License-Identifier: ISC */
/* What depends on the machine. */
#include "base/machine.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* ---- The best of the compiled instruction sets that the processor supports ---- */

size_t bsm_instruction_sets(void)
{
#ifdef BSM_X86_64_KERNELS
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return 1;
    }
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
        return 2;
    }
    return 3;
#else
    return 1;
#endif
}

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
        (void)madvise(memory, bytes, MADV_HUGEPAGE); /* without huge pages it only takes longer */
    }
#endif
    return memory;
}
