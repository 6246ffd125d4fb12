/* SPDX-License-Identifier: ISC */
/* Shares the work among processes over MPI. */
#include <mpi.h>

#include "launcher.h"
#include "share.h"

bsm_status share_start(share *part, bsm_error *error)
{
    int given, rank = 0, size = 1;
    *part = (share){.size = 1};
    if (!bsm_has_launcher()) {
        return BSM_OK;
    }
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given)) {
        return bsm_fail(error, BSM_IO, "MPI cannot be started");
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    *part = (share){.rank = (size_t)rank, .size = (size_t)size};
    return BSM_OK;
}

static bool is_started(void)
{
    int started = 0;
    MPI_Initialized(&started);
    return started;
}

void share_wait(share *part)
{
    if (is_started() && !part->waited) {
        MPI_Barrier(MPI_COMM_WORLD);
    }
    part->waited = true;
}

/* A process that failed early must still call share_wait, because the others wait for it there. */
void share_end(share *part)
{
    share_wait(part);
    if (is_started()) {
        MPI_Barrier(MPI_COMM_WORLD);
        MPI_Finalize();
    }
}
