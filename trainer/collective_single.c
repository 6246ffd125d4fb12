/* SPDX-License-Identifier: ISC */
/* The collective operations of a single process, for a build without MPI. */
#include "collective.h"
#include "launcher.h"

bsm_status bsm_collective_start(bsm_collective *collective, bsm_error *error)
{
    *collective = (bsm_collective){.rank = 0, .size = 1, .here = 1};
    if (bsm_has_launcher()) {
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "started by mpirun, but built without MPI: several processes would each "
                        "train alone");
    }
    return BSM_OK;
}

void bsm_collective_end(const bsm_collective *collective)
{
    (void)collective;
}

void bsm_collective_abort(const bsm_collective *collective, int status)
{
    (void)collective;
    (void)status;
}

bsm_status bsm_collective_sum(const bsm_collective *collective, double *values, size_t count,
                              bsm_error *error)
{
    (void)collective;
    (void)values;
    (void)count;
    (void)error;
    return BSM_OK;
}

bsm_status bsm_collective_share(const bsm_collective *collective, void *bytes, size_t size,
                                bsm_error *error)
{
    (void)collective;
    (void)bytes;
    (void)size;
    (void)error;
    return BSM_OK;
}

bsm_status bsm_collective_sum_floats(const bsm_collective *collective, float *values, size_t count,
                                     bsm_error *error)
{
    (void)collective;
    (void)values;
    (void)count;
    (void)error;
    return BSM_OK;
}
