/* SPDX-License-Identifier: ISC */
/* Tests the host's way to run kernels: barriers, shared memory, shuffles, many blocks and
 * asynchronous copies. */
#include <cstdio>

#include "exec.h"
#include "fragments.h"

enum { THREADS = 96, BLOCKS = 5 };

/* Add up in a tree in shared memory, which needs every barrier. */
static __global__ void tree_sum(const float *in, float *out)
{
    __shared__ float part[128];
    part[threadIdx.x] = in[blockIdx.x * blockDim.x + threadIdx.x];
    if (threadIdx.x < 128 - THREADS) {
        part[THREADS + threadIdx.x] = 0;
    }
    __syncthreads();
    for (unsigned int half = 64; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            part[threadIdx.x] += part[threadIdx.x + half];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        out[blockIdx.x] = part[0];
    }
}

static __global__ void warp_sums(const float *in, float *sums, double *prefixes)
{
    const unsigned int i = blockIdx.x * blockDim.x + threadIdx.x;
    sums[i] = bsm_warp_sum(in[i]);
    prefixes[i] = bsm_warp_prefix_sum((double)in[i]);
}

static __global__ void count(unsigned int *counts)
{
    counts[blockIdx.x * blockDim.x + threadIdx.x] += 1 + gridDim.x;
}

/* Copy eight numbers three times, each in a group of its own, the last time zeros. Copies that have
 * not been waited for must not have arrived. seen[step][copy] is the first number of each copy
 * after each step. */
static __global__ void copies(const bsm_bf16 *in, uint16_t *seen)
{
    struct alignas(16) numbers {
        bsm_bf16 copied[3][BSM_WARP][8];
    };
    BSM_SHARED(numbers, m);
    for (unsigned int c = 0; c < 3; c++) {
        bsm_copy_eight_later(m.copied[c][threadIdx.x], in + (threadIdx.x + c) * 8, c < 2);
        bsm_commit_copies();
    }
    bsm_wait_for_copies<2>();
    for (unsigned int c = 0; c < 3; c++) {
        seen[threadIdx.x * 6 + c] = m.copied[c][threadIdx.x][0].bits;
    }
    bsm_wait_for_copies<0>();
    for (unsigned int c = 0; c < 3; c++) {
        seen[threadIdx.x * 6 + 3 + c] = m.copied[c][threadIdx.x][7].bits;
    }
}

static int failures;

static void expect(bool right, const char *what)
{
    if (!right) {
        std::printf("wrong: %s\n", what);
        failures++;
    }
}

static void check_copies()
{
    enum { NOT_THERE = 0xffff };
    alignas(16) static bsm_bf16 in[(BSM_WARP + 3) * 8];
    static uint16_t seen[BSM_WARP * 6];
    for (unsigned int i = 0; i < sizeof in / sizeof *in; i++) {
        in[i].bits = (uint16_t)(i + 1);
    }
    BSM_LAUNCH(copies, 1, BSM_WARP, nullptr, in, seen);
    for (unsigned int i = 0; i < BSM_WARP; i++) {
        const uint16_t *s = seen + i * 6;
        expect(s[0] == i * 8 + 1 && s[1] == NOT_THERE && s[2] == NOT_THERE, "the first copy");
        expect(s[3] == i * 8 + 8 && s[4] == i * 8 + 16 && s[5] == 0, "all copies");
    }
}

int main()
{
    check_copies();
    static float in[BLOCKS * THREADS], sums[BLOCKS * THREADS], blocks[BLOCKS];
    static double prefixes[BLOCKS * THREADS];
    static unsigned int counts[BLOCKS * THREADS];
    for (int i = 0; i < BLOCKS * THREADS; i++) {
        in[i] = (float)(i * i % 101); /* whole numbers, so that sums are exact in any order */
    }
    BSM_LAUNCH(tree_sum, BLOCKS, THREADS, nullptr, in, blocks);
    BSM_LAUNCH(warp_sums, BLOCKS, THREADS, nullptr, in, sums, prefixes);
    BSM_LAUNCH_FLAT(count, BLOCKS, THREADS, nullptr, counts);
    BSM_LAUNCH_FLAT(count, 0, THREADS, nullptr, counts);
    for (int b = 0; b < BLOCKS; b++) {
        float all = 0, warp = 0;
        for (int i = 0; i < THREADS; i++) {
            const int at = b * THREADS + i;
            warp = i % BSM_WARP ? warp + in[at] : in[at];
            all += in[at];
            expect(prefixes[at] == (double)warp, "the sum up to a lane");
            expect(counts[at] == 1 + BLOCKS, "each thread runs once");
            if (i % BSM_WARP == BSM_WARP - 1) {
                expect(sums[at] == warp && sums[at - 31] == warp, "the sum over a warp");
            }
        }
        expect(blocks[b] == all, "the sum over a block");
    }
    return failures ? 1 : 0;
}
