/* SPDX-License-Identifier: ISC */
/* How many threads a network or a training uses. */
#include "net/threads.h"

#ifdef _OPENMP
#include <omp.h>
#endif

enum { MAX_THREADS = 1024 };

bsm_status bsm_threads_resolve(size_t wanted, size_t *threads, bsm_error *error)
{
    if (wanted > MAX_THREADS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%zu threads: at most %d", wanted,
                        MAX_THREADS);
    }
#ifdef _OPENMP
    *threads = wanted ? wanted : (size_t)omp_get_num_procs();
#else
    *threads = wanted ? wanted : 1;
#endif
    return BSM_OK;
}
