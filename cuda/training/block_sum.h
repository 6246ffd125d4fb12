/* SPDX-License-Identifier: ISC */
/** Reduces a whole buffer to one number: up to BSM_REDUCING_BLOCKS blocks reduce a share each, and
 *  then one block reduces their results. For kernels. */
#ifndef BSM_CUDA_TRAINING_BLOCK_SUM_H
#define BSM_CUDA_TRAINING_BLOCK_SUM_H

#include "training/training_kernels.h"
#include "value.h"

enum { BSM_REDUCING_THREADS = 256 };

/** Return the sum over a block of BSM_REDUCING_THREADS threads, in thread 0. */
__device__ inline double bsm_block_sum(double x)
{
    __shared__ double sums[BSM_REDUCING_THREADS / BSM_WARP];
    for (unsigned int lane = BSM_WARP / 2; lane > 0; lane /= 2) {
        x += __shfl_xor_sync(BSM_ALL_LANES, x, lane);
    }
    if (threadIdx.x % BSM_WARP == 0) {
        sums[threadIdx.x / BSM_WARP] = x;
    }
    __syncthreads();
    x = 0;
    for (unsigned int w = 0; threadIdx.x == 0 && w < BSM_REDUCING_THREADS / BSM_WARP; w++) {
        x += sums[w];
    }
    return x;
}

/** The number of blocks that reduce `count` numbers. */
static inline unsigned int bsm_reducing_blocks(size_t count)
{
    const unsigned int blocks = bsm_blocks_for(count, BSM_REDUCING_THREADS);
    return blocks < BSM_REDUCING_BLOCKS ? blocks : (unsigned int)BSM_REDUCING_BLOCKS;
}

/** *sum = the sum of the results of `blocks` blocks. */
static __global__ void bsm_sum_blocks(unsigned int blocks, const double *partial, double *sum)
{
    double x = 0;
    for (unsigned int i = threadIdx.x; i < blocks; i += blockDim.x) {
        x += partial[i];
    }
    x = bsm_block_sum(x);
    if (threadIdx.x == 0) {
        *sum = x;
    }
}

#endif
