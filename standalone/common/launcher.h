/* SPDX-License-Identifier: ISC */
/** Tells whether an MPI launcher started this process. */
#ifndef BSM_STANDALONE_LAUNCHER_H
#define BSM_STANDALONE_LAUNCHER_H

#include <stdbool.h>
#include <stdlib.h>

/** Return true if an MPI launcher started this process. The launcher is recognised by the
 *  environment variables of Open MPI, MPICH and Slurm, because starting MPI without need costs time
 *  and a daemon. */
static inline bool bsm_has_launcher(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (getenv(names[i])) {
            return true;
        }
    }
    return false;
}

#endif
