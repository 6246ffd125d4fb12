/* SPDX-License-Identifier: ISC */
/* How many threads a network or a training uses. */
#include "net/threads.h"

#include <sched.h>

enum { MAX_THREADS = 1024 };

/* The processors that this process may run on. */
static size_t processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
}

bsm_status bsm_threads_resolve(size_t wanted, size_t *threads, bsm_error *error)
{
    if (wanted > MAX_THREADS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%zu threads: at most %d", wanted,
                        MAX_THREADS);
    }
    *threads = wanted ? wanted : processors();
    return BSM_OK;
}
