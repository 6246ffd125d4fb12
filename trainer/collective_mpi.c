/* SPDX-License-Identifier: ISC */
/* The collective operations of several processes, by MPI. */
#include <mpi.h>

#include "collective.h"
#include "launcher.h"

enum { PIECE = 1 << 24 /* values per call, because MPI counts with an int */ };

static bsm_status failed(int code, const char *what, bsm_error *error)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(code, text, &length);
    return bsm_fail(error, BSM_IO, "%s: %s", what, text);
}

static bsm_status join(bsm_collective *collective, bsm_error *error)
{
    int given, rank, size, here, place;
    MPI_Comm machine;
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    if (code) {
        return failed(code, "MPI cannot be started", error);
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &machine);
    if (code) {
        return failed(code, "the processes cannot find each other", error);
    }
    MPI_Comm_size(machine, &here);
    MPI_Comm_rank(machine, &place);
    MPI_Comm_free(&machine);
    *collective = (bsm_collective){
        .rank = (size_t)rank, .size = (size_t)size, .here = (size_t)here, .place = (size_t)place};
    return BSM_OK;
}

bsm_status bsm_collective_start(bsm_collective *collective, bsm_error *error)
{
    *collective = (bsm_collective){.rank = 0, .size = 1, .here = 1};
    return bsm_has_launcher() ? join(collective, error) : BSM_OK;
}

static int is_started(void)
{
    int started = 0;
    MPI_Initialized(&started);
    return started;
}

void bsm_collective_end(const bsm_collective *collective)
{
    (void)collective;
    if (is_started()) {
        MPI_Finalize();
    }
}

void bsm_collective_abort(const bsm_collective *collective, int status)
{
    if (is_started() && collective->size > 1) {
        MPI_Abort(MPI_COMM_WORLD, status);
    }
}

static bsm_status sum(const bsm_collective *collective, void *values, size_t count, size_t size,
                      MPI_Datatype type, bsm_error *error)
{
    for (size_t done = 0; collective->size > 1 && done < count; done += PIECE) {
        const size_t piece = count - done < PIECE ? count - done : PIECE;
        const int code = MPI_Allreduce(MPI_IN_PLACE, (char *)values + done * size, (int)piece, type,
                                       MPI_SUM, MPI_COMM_WORLD);
        if (code) {
            return failed(code, "another process of the training was lost", error);
        }
    }
    return BSM_OK;
}

bsm_status bsm_collective_share(const bsm_collective *collective, void *bytes, size_t size,
                                bsm_error *error)
{
    const int code =
        collective->size > 1 ? MPI_Bcast(bytes, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD) : 0;
    return code ? failed(code, "another process of the training was lost", error) : BSM_OK;
}

bsm_status bsm_collective_sum(const bsm_collective *collective, double *values, size_t count,
                              bsm_error *error)
{
    return sum(collective, values, count, sizeof *values, MPI_DOUBLE, error);
}

bsm_status bsm_collective_sum_floats(const bsm_collective *collective, float *values, size_t count,
                                     bsm_error *error)
{
    return sum(collective, values, count, sizeof *values, MPI_FLOAT, error);
}
