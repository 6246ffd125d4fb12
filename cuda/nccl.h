/* SPDX-License-Identifier: ISC */
/** The part of NCCL that bsm uses, opened at run time. The declarations follow NCCL's
 *  documentation, so that neither its header nor its library is needed to build bsm.
 *
 *  https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/api.html
 *
 *  tests/cuda/nccl_header.c compares them with the real nccl.h if there is one. */
#ifndef BSM_CUDA_NCCL_H
#define BSM_CUDA_NCCL_H

#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

#ifndef BSM_REAL_NCCL_HEADER
typedef enum { ncclSuccess = 0, ncclInProgress = 7 } ncclResult_t;
typedef enum { ncclFloat32 = 7 } ncclDataType_t;
typedef enum { ncclSum = 0 } ncclRedOp_t;
typedef struct {
    char internal[128];
} ncclUniqueId;
typedef struct ncclComm *ncclComm_t;
#endif
struct CUstream_st; /* what a cudaStream_t points to */

typedef struct bsm_nccl {
    ncclResult_t (*GetVersion)(int *version);
    ncclResult_t (*GetUniqueId)(ncclUniqueId *id);
    ncclResult_t (*CommInitRank)(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank);
    ncclResult_t (*AllReduce)(const void *from, void *to, size_t count, ncclDataType_t type,
                              ncclRedOp_t operation, ncclComm_t comm, struct CUstream_st *stream);
    ncclResult_t (*CommGetAsyncError)(ncclComm_t comm, ncclResult_t *error);
    ncclResult_t (*CommAbort)(ncclComm_t comm);
    const char *(*GetErrorString)(ncclResult_t result);
    char version[32]; /**< such as "NCCL 2.21.5" */
} bsm_nccl;

/** Get libnccl.so.2, which is opened once and never closed. Any thread. BSM_NOT_FOUND, and why, if
 *  it cannot be used. */
bsm_status bsm_nccl_get(const bsm_nccl **nccl, bsm_error *error);

BSM_END_DECLS

#endif
