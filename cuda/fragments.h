/* SPDX-License-Identifier: ISC */
/** Products of 16 x 16 by 16 x 8 bfloat16 numbers, that a warp holds in pieces ("fragments"), with
 *  float32 sums: mma.sync.m16n8k16 and ldmatrix of the PTX ISA, and what they do, on the host. For
 *  kernels; all 32 lanes take part in each call.
 *
 *  With g = lane / 4 and q = lane % 4 a lane holds, as pairs of neighbours:
 *      a: rows g, g + 8, g, g + 8; columns 2q, 2q, 2q + 8, 2q + 8
 *      b: column g; rows 2q, 2q + 8
 *      c: rows g, g + 8; columns 2q                                                             */
#ifndef BSM_CUDA_FRAGMENTS_H
#define BSM_CUDA_FRAGMENTS_H

#include "value.h"

struct bsm_sums {
    float c[4];
};

/** Two numbers, the first one in the lower half. */
__device__ inline uint32_t bsm_pair(float first, float second)
{
#ifdef __CUDA_ARCH__
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
    return pair;
#else
    return bsm_value<bsm_bf16>::from(first).bits | (uint32_t)bsm_value<bsm_bf16>::from(second).bits
                                                       << 16;
#endif
}

/** The pair at a multiple of 4 bytes. */
__device__ inline uint32_t bsm_load_pair(const bsm_bf16 *at)
{
#ifdef __CUDA_ARCH__
    return *(const uint32_t *)at;
#else
    uint32_t pair;
    memcpy(&pair, at, sizeof pair);
    return pair;
#endif
}

__device__ inline void bsm_store_pair(bsm_bf16 *at, uint32_t pair)
{
#ifdef __CUDA_ARCH__
    *(uint32_t *)at = pair;
#else
    memcpy(at, &pair, sizeof pair);
#endif
}

/** Store eight numbers at a multiple of 16 bytes. */
__device__ inline void bsm_store_eight(bsm_bf16 *at, const float *numbers)
{
    bsm_pack<uint32_t, 4> pairs;
    BSM_UNROLL
    for (uint32_t i = 0; i < 4; i++) {
        pairs.values[i] = bsm_pair(numbers[2 * i], numbers[2 * i + 1]);
    }
    *(bsm_pack<uint32_t, 4> *)at = pairs;
}

/** Copy eight numbers, at multiples of 16 bytes, as one; NULL: zeros. */
__device__ inline void bsm_copy_eight(bsm_bf16 *to, const bsm_bf16 *from)
{
#ifdef __CUDA_ARCH__
    *(uint4 *)to = from ? *(const uint4 *)from : uint4{};
#else
    static const bsm_bf16 zeros[8] = {};
    memcpy(to, from ? from : zeros, sizeof zeros);
#endif
}

/** The same into shared memory and in the background: they are there once the thread has waited,
 * and seen by others after a barrier. Any `from` will do where `there` is not: zeros. */
__device__ inline void bsm_copy_eight_later(bsm_bf16 *to, const bsm_bf16 *from, bool there)
{
#ifdef __CUDA_ARCH__
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(to), bytes = there ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(bytes)
                 : "memory");
#elif !defined(__CUDACC__)
    bsm_exec_copy_later(to, there ? from : NULL);
#endif
}

/** Have the 128 bytes around `at` brought nearer. */
__device__ inline void bsm_prefetch(const void *at)
{
#ifdef __CUDA_ARCH__
    asm volatile("prefetch.global.L2 [%0];" ::"l"(at));
#else
    (void)at;
#endif
}

/** All copies since the last commit are a group. */
__device__ inline void bsm_commit_copies()
{
#ifdef __CUDA_ARCH__
    asm volatile("cp.async.commit_group;" ::: "memory");
#elif !defined(__CUDACC__)
    bsm_exec_commit_copies();
#endif
}

/** Wait for the copies of all groups but the last few. */
template <unsigned int LAST> __device__ void bsm_wait_for_copies()
{
#ifdef __CUDA_ARCH__
    asm volatile("cp.async.wait_group %0;" ::"n"(LAST) : "memory");
#elif !defined(__CUDACC__)
    bsm_exec_wait_for_copies(LAST);
#endif
}

__host__ __device__ inline float bsm_first(uint32_t pair)
{
    return bsm_float_of_bits(pair << 16);
}

__host__ __device__ inline float bsm_second(uint32_t pair)
{
    return bsm_float_of_bits(pair & 0xffff0000u);
}

/** sums += a b */
__device__ inline void bsm_multiply(bsm_sums *sums, const uint32_t *a, const uint32_t *b)
{
#ifdef __CUDA_ARCH__
    float *c = sums->c;
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif !defined(__CUDACC__)
    const uint32_t mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
    const bsm_exec_lanes lanes = bsm_exec_publish(mine, sizeof mine);
    const unsigned int g = bsm_exec_lane() / 4, q = bsm_exec_lane() % 4;
    for (unsigned int e = 0; e < 4; e++) {
        const unsigned int lower = e / 2, n = 2 * q + e % 2;
        for (unsigned int k = 0; k < 16; k += 2) {
            const uint32_t *row = (const uint32_t *)lanes.of(g * 4 + k % 8 / 2);
            const uint32_t *column = (const uint32_t *)lanes.of(n * 4 + k % 8 / 2);
            const uint32_t x = row[lower + k / 8 * 2], y = column[4 + k / 8];
            sums->c[e] += bsm_first(x) * bsm_first(y) + bsm_second(x) * bsm_second(y);
        }
    }
#endif
}

/** Four matrices of 8 x 8 out of shared memory: lane l names row l % 8 of matrix l / 8, 16 bytes at
 *  a multiple of 16. Of matrix m a lane gets row g, columns 2q and 2q + 1 in fragment[m];
 * TRANSPOSED: rows 2q and 2q + 1 of column g. */
template <bool TRANSPOSED>
__device__ void bsm_load_matrices(uint32_t *fragment, const bsm_bf16 *row)
{
#ifdef __CUDA_ARCH__
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
    if (TRANSPOSED) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                     : "r"(at)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                     : "r"(at)
                     : "memory");
    }
#elif !defined(__CUDACC__)
    const bsm_exec_lanes lanes = bsm_exec_publish(&row, sizeof row);
    const unsigned int g = bsm_exec_lane() / 4, q = bsm_exec_lane() % 4;
    for (unsigned int m = 0; m < 4; m++) {
        uint32_t halves[2];
        for (unsigned int half = 0; half < 2; half++) {
            const unsigned int r = TRANSPOSED ? 2 * q + half : g;
            const unsigned int column = TRANSPOSED ? g : 2 * q + half;
            halves[half] = (*(const bsm_bf16 *const *)lanes.of(m * 8 + r))[column].bits;
        }
        fragment[m] = halves[0] | halves[1] << 16;
    }
#endif
}

/** The row that this lane names so that bsm_load_matrices gives a 16 x 16 tile of a row-major
 * matrix of rows of `stride` numbers, the matrices by rows first (0: upper left, 1: lower left): an
 * `a` as it lies, or, TRANSPOSED, two `b` next to each other. */
__device__ inline const bsm_bf16 *bsm_tile_by_rows(const bsm_bf16 *tile, uint32_t stride)
{
    const uint32_t lane = threadIdx.x % BSM_WARP, m = lane / 8;
    return tile + (m % 2 * 8 + lane % 8) * stride + m / 2 * 8;
}

/** The same by columns first (1: upper right): two `b` next to each other of the transposed matrix,
 *  or, TRANSPOSED, an `a` of it. */
__device__ inline const bsm_bf16 *bsm_tile_by_columns(const bsm_bf16 *tile, uint32_t stride)
{
    const uint32_t lane = threadIdx.x % BSM_WARP, m = lane / 8;
    return tile + (m / 2 * 8 + lane % 8) * stride + m % 2 * 8;
}

#endif
