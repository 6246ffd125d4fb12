/* SPDX-License-Identifier: ISC */
/** Products of 16 x 16 by 16 x 8 bfloat16 numbers with float32 sums. A warp holds the matrices in
 *  pieces ("fragments"). On a GPU these are the instructions mma.sync.m16n8k16 and ldmatrix of the
 *  PTX ISA; on the host they are emulated. For kernels; all 32 lanes take part in each call.
 *
 *  With g = lane / 4 and q = lane % 4, a lane holds the following pairs of the factors a (16 x 16)
 *  and b (16 x 8) and of the sums c (16 x 8), in this order. A pair is two neighbours in a row of a
 *  or c, or in a column of b; the list names the first of the two.
 *      a: rows g, g + 8, g, g + 8; columns 2q, 2q, 2q + 8, 2q + 8
 *      b: column g; rows 2q, 2q + 8
 *      c: rows g, g + 8; columns 2q */
#ifndef BSM_CUDA_FRAGMENTS_H
#define BSM_CUDA_FRAGMENTS_H

#include "value.h"

struct bsm_sums {
    float c[4];
};

/** Make a pair of two numbers, the first one in the lower half. */
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

/** Load a pair from a multiple of 4 bytes. */
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

/** Copy eight numbers between multiples of 16 bytes at once; if `from` is NULL, store zeros. */
__device__ inline void bsm_copy_eight(bsm_bf16 *to, const bsm_bf16 *from)
{
#ifdef __CUDA_ARCH__
    *(uint4 *)to = from ? *(const uint4 *)from : uint4{};
#else
    static const bsm_bf16 zeros[8] = {};
    memcpy(to, from ? from : zeros, sizeof zeros);
#endif
}

/** Copy eight numbers to shared memory in the background. This thread sees them after it has
 *  waited, and others after a barrier that follows. If `there` is false, zeros are stored, and
 *  `from` may be any valid pointer. */
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

/** Prefetch the 128 bytes around `at` into the L2 cache. */
__device__ inline void bsm_prefetch(const void *at)
{
#ifdef __CUDA_ARCH__
    asm volatile("prefetch.global.L2 [%0];" ::"l"(at));
#else
    (void)at;
#endif
}

/** Make a group of all copies since the last commit. */
__device__ inline void bsm_commit_copies()
{
#ifdef __CUDA_ARCH__
    asm volatile("cp.async.commit_group;" ::: "memory");
#elif !defined(__CUDACC__)
    bsm_exec_commit_copies();
#endif
}

/** Wait for the copies of all groups except the last LAST. */
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

/** Load four 8 x 8 matrices from shared memory. Lane l names row l % 8 of matrix l / 8: 16 bytes at
 *  a multiple of 16 bytes. fragment[m] gets, of matrix m, row g and columns 2q and 2q + 1; if
 *  TRANSPOSED, rows 2q and 2q + 1 of column g. */
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

/** The row that this lane names so that bsm_load_matrices loads a 16 x 16 tile of a row-major
 *  matrix, whose rows are `stride` numbers apart. Matrix 0 is the upper left one and matrix 1 the
 *  lower left one. The result is the tile as an `a` or, if TRANSPOSED, as two adjacent `b`. */
__device__ inline const bsm_bf16 *bsm_tile_by_rows(const bsm_bf16 *tile, uint32_t stride)
{
    const uint32_t lane = threadIdx.x % BSM_WARP, m = lane / 8;
    return tile + (m % 2 * 8 + lane % 8) * stride + m / 2 * 8;
}

/** The same with matrix 1 at the upper right. The result is the transposed tile as two adjacent `b`
 *  or, if TRANSPOSED, as an `a`. */
__device__ inline const bsm_bf16 *bsm_tile_by_columns(const bsm_bf16 *tile, uint32_t stride)
{
    const uint32_t lane = threadIdx.x % BSM_WARP, m = lane / 8;
    return tile + (m / 2 * 8 + lane % 8) * stride + m % 2 * 8;
}

#endif
