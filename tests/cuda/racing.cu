/* SPDX-License-Identifier: ISC */
/* Kernels with races; the command line names the one to run. Under ThreadSanitizer this program
 * must fail, and meson expects it to. Otherwise exec_races.h would not find races in any kernel. */
#include <cstring>

#include "exec.h"
#include "fragments.h"

enum { THREADS = 64 };

/* One warp reads what the other one writes. */
static __global__ void without_barrier(uint32_t *out)
{
    __shared__ uint32_t numbers[THREADS];
    numbers[threadIdx.x] = threadIdx.x;
    out[threadIdx.x] = numbers[threadIdx.x ^ BSM_WARP];
}

/* One warp reads what the other one copies asynchronously, without waiting for it. */
static __global__ void too_soon(const bsm_bf16 *in, uint32_t *out)
{
    struct alignas(16) numbers {
        bsm_bf16 copied[THREADS][8];
    };
    BSM_SHARED(numbers, m);
    bsm_copy_eight_later(m.copied[threadIdx.x], in + threadIdx.x * 8, true);
    bsm_commit_copies();
    __syncthreads();
    out[threadIdx.x] = m.copied[threadIdx.x ^ BSM_WARP][0].bits;
    bsm_wait_for_copies<0>();
}

int main(int argc, char **argv)
{
    alignas(16) static bsm_bf16 in[THREADS * 8];
    static uint32_t out[THREADS];
    uint32_t *to = out;
    const bsm_bf16 *from = in;
    if (argc > 1 && std::strcmp(argv[1], "too_soon") == 0) {
        BSM_LAUNCH(too_soon, 1, THREADS, nullptr, from, to);
    } else {
        BSM_LAUNCH(without_barrier, 1, THREADS, nullptr, to);
    }
    return 0;
}
