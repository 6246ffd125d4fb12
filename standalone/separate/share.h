/* SPDX-License-Identifier: ISC */
/** The share of this process in the work, if mpirun started several. */
#ifndef BSM_STANDALONE_SHARE_H
#define BSM_STANDALONE_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

typedef struct share {
    size_t rank, size; /**< number of this process, and number of all */
    bool waited;
} share;

/** Without a launcher it is 0 of 1. BSM_IO (MPI does not start), BSM_UNSUPPORTED (built without).
 */
BSM_NODISCARD bsm_status share_start(share *part, bsm_error *error);

/** Wait until all processes have come to this point. */
void share_wait(share *part);

/** Wait for the other processes, because a launcher ends all of them when the first one fails. */
void share_end(share *part);

#endif
