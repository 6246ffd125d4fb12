/* SPDX-License-Identifier: ISC */
/** The share of the work that this process does, if mpirun started several. */
#ifndef BSM_STANDALONE_SHARE_H
#define BSM_STANDALONE_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

typedef struct share {
    size_t rank, size; /**< number of this process, from 0, and number of all */
    bool waited;       /**< whether share_wait has been called */
} share;

/** Set `part`, and start MPI if a launcher started this process; otherwise it is process 0 of 1.
 *  BSM_IO (MPI does not start), BSM_UNSUPPORTED (there is a launcher, but no MPI in this build). */
BSM_NODISCARD bsm_status share_start(share *part, bsm_error *error);

/** Wait until all processes have come to this point. Only the first call waits. */
void share_wait(share *part);

/** End MPI after waiting for the other processes, because a launcher ends all of them when the
 *  first one fails. */
void share_end(share *part);

#endif
