/* SPDX-License-Identifier: ISC */
#include "break_gpu.h"

#include <cuda_runtime.h>

static __device__ uint64_t nanoseconds()
{
    uint64_t now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    return now;
}

static __global__ void trap_later(uint64_t after)
{
    const uint64_t start = nanoseconds();
    while (nanoseconds() - start < after) {
    }
    __trap();
}

int break_gpu(uint64_t microseconds)
{
    cudaStream_t stream;
    const cudaError_t status = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    if (status) {
        return status;
    }
    trap_later<<<1, 1, 0, stream>>>(1000 * microseconds);
    return cudaGetLastError();
}
