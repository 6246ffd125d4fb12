/* SPDX-License-Identifier: ISC */
/** The part of the work that falls to this process, where mpirun started several. */
#ifndef BSM_STANDALONE_SHARE_H
#define BSM_STANDALONE_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

typedef struct share {
    size_t rank, size; /**< which process this is, of how many */
    bool waited;
} share;

/** Without a launcher it is 0 of 1. BSM_IO (MPI does not start), BSM_UNSUPPORTED (built without).
 */
BSM_NODISCARD bsm_status share_start(share *part, bsm_error *error);

/** Wait until all have come so far. */
void share_wait(share *part);

/** Wait for the other processes, which a launcher would end together with the first that fails. */
void share_end(share *part);

#endif
