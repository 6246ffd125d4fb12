/* SPDX-License-Identifier: ISC */
/* Compares cuda/nccl.h with the real nccl.h: if they differ, this does not compile. */
#include <nccl.h>

#define BSM_REAL_NCCL_HEADER
#include "../../cuda/nccl.h"

#define SAME(name)                                                                                 \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&nccl##name),                           \
                                                __typeof__(((bsm_nccl *)NULL)->name)),             \
                   #name)
SAME(GetVersion);
SAME(GetUniqueId);
SAME(CommInitRank);
SAME(AllReduce);
SAME(CommGetAsyncError);
SAME(CommAbort);
SAME(GetErrorString);

/* cuda/nccl.h declares these itself if there is no nccl.h. */
_Static_assert(ncclSuccess == 0 && ncclInProgress == 7 && ncclFloat32 == 7 && ncclSum == 0,
               "constants");
_Static_assert(sizeof(ncclUniqueId) == 128 && _Alignof(ncclUniqueId) == 1, "an id");
_Static_assert(sizeof(ncclResult_t) == sizeof(int) && sizeof(ncclDataType_t) == sizeof(int) &&
                   sizeof(ncclRedOp_t) == sizeof(int),
               "enums");
_Static_assert(__builtin_types_compatible_p(ncclComm_t, struct ncclComm *), "a communicator");

int main(void)
{
    return 0;
}
