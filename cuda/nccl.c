/* SPDX-License-Identifier: ISC */
/* Finds and opens NCCL. */
#include "nccl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libnccl.so.2"

enum { OLDEST = 20900 }; /* version 2.9.0, the first with this numbering */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bsm_nccl nccl;
static bsm_error refusal; /* why `nccl` cannot be used; its status is BSM_OK if it can */

static void find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    if (symbol) {
        memcpy(function, &symbol, sizeof symbol);
    } else if (!refusal.status) {
        bsm_fail(&refusal, BSM_NOT_FOUND, "NCCL: " LIBRARY ": no %s in it", name);
    }
}

static void find_all(void *library)
{
    find(library, "ncclGetVersion", &nccl.GetVersion);
    find(library, "ncclGetUniqueId", &nccl.GetUniqueId);
    find(library, "ncclCommInitRank", &nccl.CommInitRank);
    find(library, "ncclAllReduce", &nccl.AllReduce);
    find(library, "ncclCommGetAsyncError", &nccl.CommGetAsyncError);
    find(library, "ncclCommAbort", &nccl.CommAbort);
    find(library, "ncclGetErrorString", &nccl.GetErrorString);
}

static void check_version(void)
{
    int version = 0;
    const ncclResult_t result = nccl.GetVersion(&version);
    if (result) {
        bsm_fail(&refusal, BSM_NOT_FOUND, "NCCL: " LIBRARY ": %s", nccl.GetErrorString(result));
    } else if (version < OLDEST) {
        bsm_fail(&refusal, BSM_NOT_FOUND, "NCCL: " LIBRARY ": too old, 2.9 is needed");
    } else {
        snprintf(nccl.version, sizeof nccl.version, "NCCL %d.%d.%d", version / 10000,
                 version / 100 % 100, version % 100);
    }
}

static void open_library(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        bsm_fail(&refusal, BSM_NOT_FOUND, "NCCL: %s", dlerror());
        return;
    }
    find_all(library);
    if (!refusal.status) {
        check_version();
    }
}

bsm_status bsm_nccl_get(const bsm_nccl **out, bsm_error *error)
{
    pthread_once(&once, open_library);
    if (refusal.status) {
        return bsm_fail(error, refusal.status, "%s", refusal.message);
    }
    *out = &nccl;
    return BSM_OK;
}
