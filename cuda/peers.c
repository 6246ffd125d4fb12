/* SPDX-License-Identifier: ISC */
/* Sums over GPUs by NCCL. Every wait here has a time limit, because NCCL itself may never notice
 * that a peer is gone. */
#include "peers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nccl.h"

#ifndef BSM_PEERS_SECONDS
#define BSM_PEERS_SECONDS 120
#endif

struct bsm_peers {
    const bsm_nccl *nccl;
    bsm_gpu *gpu;
    ncclComm_t comm; /* NULL after a failure */
    int patience;    /* seconds to wait for other processes */
};

_Static_assert(sizeof(ncclUniqueId) == sizeof(bsm_peers_id), "an id is NCCL's");

bsm_status bsm_peers_describe(char *text, size_t size, bsm_error *error)
{
    const bsm_nccl *nccl;
    bsm_status status = bsm_nccl_get(&nccl, error);
    if (!status) {
        bsm_format_line(text, size, "%s", nccl->version);
    }
    return status;
}

static bsm_status failed(const bsm_nccl *nccl, bsm_status status, const char *what,
                         ncclResult_t result, bsm_error *error)
{
    return bsm_fail(error, status, "%s: %s: %s", nccl->version, what, nccl->GetErrorString(result));
}

bsm_status bsm_peers_new_id(bsm_peers_id *id, bsm_error *error)
{
    const bsm_nccl *nccl;
    ncclUniqueId made;
    bsm_status status = bsm_nccl_get(&nccl, error);
    if (status) {
        return status;
    }
    const ncclResult_t result = nccl->GetUniqueId(&made);
    if (result) {
        return failed(nccl, BSM_DEVICE_FAILED, "an id for the processes", result, error);
    }
    memcpy(id->bytes, &made, sizeof made);
    return BSM_OK;
}

/* ---- Waiting ---- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Sleep a little; return false if too much time has passed since `start`. */
static bool wait_a_little(const bsm_peers *peers, double start)
{
    const struct timespec little = {.tv_nsec = 50000};
    nanosleep(&little, NULL);
    return now() - start < peers->patience;
}

/* ---- Joining ---- */

/* The arguments and results of the thread that joins. CommInitRank blocks until all processes have
 * called it, so it runs in a thread of its own. */
typedef struct joining {
    const bsm_nccl *nccl;
    bsm_gpu *gpu;
    ncclUniqueId id;
    int rank, size;
    ncclComm_t comm;
    ncclResult_t result;
    atomic_bool done;
} joining;

static void *join(void *opaque)
{
    joining *j = opaque;
    bsm_gpu_use(j->gpu); /* the current GPU is a property of each thread */
    j->result = j->nccl->CommInitRank(&j->comm, j->size, j->id, j->rank);
    atomic_store(&j->done, true);
    return NULL;
}

/* Join in a thread, with a time limit. If the thread does not come back in time, `j` is left to it
 * and never freed. */
static bsm_status join_in_time(joining *j, bsm_peers *peers, bsm_error *error)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, join, j)) {
        free(j);
        return bsm_fail(error, BSM_DEVICE_FAILED, "%s: no thread for it", peers->nccl->version);
    }
    const double start = now();
    while (!atomic_load(&j->done)) {
        if (!wait_a_little(peers, start)) {
            pthread_detach(thread);
            return bsm_fail(error, BSM_IO,
                            "%s: another process did not join in %d s (NCCL_DEBUG=INFO in the "
                            "environment says more)",
                            peers->nccl->version, peers->patience);
        }
    }
    pthread_join(thread, NULL);
    const ncclResult_t result = j->result;
    peers->comm = j->comm;
    free(j);
    return result ? failed(peers->nccl, BSM_DEVICE_FAILED, "joining the processes", result, error)
                  : BSM_OK;
}

bsm_status bsm_peers_join(bsm_gpu *gpu, const bsm_peers_id *id, size_t rank, size_t size,
                          bsm_peers **out, bsm_error *error)
{
    const bsm_nccl *nccl;
    bsm_status status = bsm_nccl_get(&nccl, error);
    if (status) {
        return status;
    }
    bsm_peers *peers = calloc(1, sizeof *peers);
    joining *j = calloc(1, sizeof *j);
    if (!peers || !j) {
        free(peers);
        free(j);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory to join processes");
    }
    /* The first process gives up before the others, so that it is the one that reports the
     * failure. */
    const int patience = rank == 0 ? BSM_PEERS_SECONDS : 2 * BSM_PEERS_SECONDS;
    *peers = (bsm_peers){.nccl = nccl, .gpu = gpu, .patience = patience};
    j->nccl = nccl;
    j->gpu = gpu;
    j->rank = (int)rank;
    j->size = (int)size;
    memcpy(&j->id, id->bytes, sizeof j->id);
    status = join_in_time(j, peers, error);
    if (status) {
        free(peers);
        return status;
    }
    *out = peers;
    return BSM_OK;
}

/* End the communication with ncclCommAbort: ncclCommDestroy would wait for the other processes,
 * which may be gone. */
static void give_up(bsm_peers *peers)
{
    if (peers->comm) {
        peers->nccl->CommAbort(peers->comm);
        peers->comm = NULL;
    }
}

void bsm_peers_leave(bsm_peers *peers)
{
    if (peers) {
        give_up(peers);
        free(peers);
    }
}

/* ---- Summing ---- */

static bsm_status check(bsm_peers *peers, bsm_error *error)
{
    ncclResult_t found = ncclSuccess;
    ncclResult_t result = peers->nccl->CommGetAsyncError(peers->comm, &found);
    result = result ? result : found;
    return result == ncclSuccess || result == ncclInProgress
               ? BSM_OK
               : failed(peers->nccl, BSM_IO, "another process of the training was lost", result,
                        error);
}

static bsm_status wait(bsm_peers *peers, bsm_error *error)
{
    const double start = now();
    while (bsm_gpu_busy(peers->gpu)) {
        bsm_status status = check(peers, error);
        if (status) {
            return status;
        }
        if (!wait_a_little(peers, start)) {
            return bsm_fail(error, BSM_IO,
                            "%s: another process of the training did not answer in %d s",
                            peers->nccl->version, peers->patience);
        }
    }
    return check(peers, error);
}

bsm_status bsm_peers_sum(bsm_peers *peers, float *values, size_t count, bsm_error *error)
{
    const bsm_nccl *nccl = peers->nccl;
    if (!peers->comm) {
        return bsm_fail(error, BSM_IO, "%s: given up after a failure", nccl->version);
    }
    const ncclResult_t result = nccl->AllReduce(values, values, count, ncclFloat32, ncclSum,
                                                peers->comm, bsm_gpu_queue(peers->gpu).stream);
    bsm_status status =
        result ? failed(nccl, BSM_DEVICE_FAILED, "summing", result, error) : wait(peers, error);
    if (status) {
        give_up(peers);
        return status;
    }
    return bsm_gpu_status(peers->gpu, error);
}
