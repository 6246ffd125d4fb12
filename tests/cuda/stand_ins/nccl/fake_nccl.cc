/* SPDX-License-Identifier: ISC */
/* Stands in for NCCL between processes whose GPUs are emulated: adds up over shared memory, in the
 * streams of exec_stream.h. BSM_FAKE_NCCL in the environment names what goes wrong. */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

#include "exec_stream.h"
#include "nccl.h"

namespace
{

constexpr size_t SLOT = 1 << 14;
enum { MAX_RANKS = 4, LONGEST = 60 /* LONGEST: seconds to wait for another process */ };
const ncclResult_t system_error = static_cast<ncclResult_t>(2);
const ncclResult_t invalid_argument = static_cast<ncclResult_t>(4);
const ncclResult_t remote_error = static_cast<ncclResult_t>(6);

struct shared {
    std::atomic<unsigned long> arrivals;
    float slots[MAX_RANKS][SLOT];
};

bool goes_wrong(const char *what)
{
    const char *name = std::getenv("BSM_FAKE_NCCL");
    return name && !std::strcmp(name, what);
}

} // namespace

struct ncclComm {
    shared *memory;
    int rank, size;
    unsigned long due; /* the number of arrivals that completes the next meeting */
    ncclResult_t error;
};

namespace
{

/* Wait until all processes have come to this point. */
void meet(ncclComm *comm)
{
    comm->due += (unsigned long)comm->size;
    comm->memory->arrivals++;
    for (int i = 0; comm->memory->arrivals < comm->due && !comm->error; i++) {
        usleep(100);
        if (i == LONGEST * 10000) {
            comm->error = remote_error;
        }
    }
}

void sum(ncclComm *comm, const float *from, float *to, size_t count)
{
    for (size_t done = 0, piece; done < count; done += piece) {
        piece = count - done < SLOT ? count - done : SLOT;
        std::memcpy(comm->memory->slots[comm->rank], from + done, piece * sizeof *from);
        meet(comm);
        for (size_t i = 0; i < piece; i++) {
            float all = 0;
            for (int rank = 0; rank < comm->size; rank++) {
                all += comm->memory->slots[rank][i];
            }
            to[done + i] = all;
        }
        meet(comm);
    }
}

shared *open_shared(const char *name)
{
    const int file = shm_open(name, O_CREAT | O_RDWR, 0600);
    void *memory = MAP_FAILED;
    if (file >= 0 && !ftruncate(file, sizeof(shared))) {
        memory = mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    if (file >= 0) {
        close(file);
    }
    return memory == MAP_FAILED ? nullptr : static_cast<shared *>(memory);
}

} // namespace

extern "C" {

ncclResult_t ncclGetVersion(int *version)
{
    *version = goes_wrong("old") ? 2804 : 20905;
    return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    static int number;
    std::memset(id, 0, sizeof *id);
    std::snprintf(id->internal, sizeof id->internal, "/bsm-fake-nccl-%d-%d", (int)getpid(),
                  number++);
    return goes_wrong("id") ? system_error : ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int size, ncclUniqueId id, int rank)
{
    if (size > MAX_RANKS || goes_wrong("join")) {
        return size > MAX_RANKS ? invalid_argument : system_error;
    }
    while (goes_wrong("absent")) {
        pause();
    }
    shared *memory = open_shared(id.internal);
    if (!memory) {
        return system_error;
    }
    *comm = new ncclComm{memory, rank, size, 0, ncclSuccess};
    meet(*comm);
    if (rank == 0) {
        shm_unlink(id.internal);
    }
    return (*comm)->error;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t comm, CUstream_st *stream)
{
    if (type != ncclFloat32 || operation != ncclSum || goes_wrong("sum")) {
        return invalid_argument;
    }
    if (goes_wrong("lost")) {
        comm->error = remote_error;
        return ncclSuccess;
    }
    reinterpret_cast<bsm_exec_stream *>(stream)->queue(
        [=]() { sum(comm, static_cast<const float *>(from), static_cast<float *>(to), count); });
    return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error)
{
    *error = comm->error;
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    munmap(comm->memory, sizeof *comm->memory);
    delete comm;
    return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result)
{
    return result == system_error       ? "unhandled system error"
           : result == invalid_argument ? "invalid argument"
           : result == remote_error     ? "remote process exited or there was a network error"
                                        : "no error";
}
}
