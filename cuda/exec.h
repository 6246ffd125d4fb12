/* SPDX-License-Identifier: ISC */
/** What a kernel sees of the machine that runs it.
 *
 *  nvcc compiles kernels for GPUs. Any other C++ compiler compiles them for the host, where
 *  tests/cuda/exec.cc runs each thread of a block as a fibre, so that tests can run every kernel
 * without a GPU. There, kernels may use what is declared below and nothing else of CUDA. */
#ifndef BSM_CUDA_EXEC_H
#define BSM_CUDA_EXEC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __CUDACC__

#include <cuda_runtime.h>

/** Run `kernel` (in parentheses if its name has a comma) in `blocks` blocks of `threads` threads;
 *  nothing if there are no blocks. How it went: cudaGetLastError. */
#define BSM_LAUNCH(kernel, blocks, threads, stream, ...)                                           \
    do {                                                                                           \
        const unsigned int launch_blocks = (blocks);                                               \
        if (launch_blocks) {                                                                       \
            kernel<<<launch_blocks, (threads), 0, (cudaStream_t)(stream)>>>(__VA_ARGS__);          \
        }                                                                                          \
    } while (0)

/** The same for a kernel whose threads have nothing to do with each other. */
#define BSM_LAUNCH_FLAT BSM_LAUNCH

/** The same for a kernel that has BSM_SHARED, of the same type. */
#define BSM_LAUNCH_SHARED(kernel, type, blocks, threads, stream, ...)                              \
    do {                                                                                           \
        const unsigned int launch_blocks = (blocks);                                               \
        if (launch_blocks) {                                                                       \
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,              \
                                 (int)sizeof(type));                                               \
            kernel<<<launch_blocks, (threads), sizeof(type), (cudaStream_t)(stream)>>>(            \
                __VA_ARGS__);                                                                      \
        }                                                                                          \
    } while (0)

/** `name` is a `type` in shared memory, at a multiple of 16 bytes, which may be larger than the 48
 *  KB of __shared__; every GPU since 8.0 has 99 KB. Once in a kernel. */
#define BSM_SHARED(type, name)                                                                     \
    extern __shared__ uint4 bsm_shared[];                                                          \
    type &name = *reinterpret_cast<type *>(bsm_shared)

/** Before a loop whose turns are all written out, so that arrays it goes along are registers. */
#define BSM_UNROLL _Pragma("unroll")

#else

#include <cmath>
#include <cstring>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static /* one block runs at a time */
#define __launch_bounds__(...)
#define BSM_UNROLL

struct bsm_exec_index {
    unsigned int x;
};
extern bsm_exec_index threadIdx, blockIdx, blockDim, gridDim;

/** How a kernel is run: its threads wait for each other, or they do not. */
enum bsm_exec_kind { BSM_EXEC_FIBRES, BSM_EXEC_FLAT };

/** Run `body` for each thread of each block, or queue it where `stream` is being captured. */
void bsm_exec_launch(bsm_exec_kind kind, unsigned int blocks, unsigned int threads, void *stream,
                     std::function<void()> body);

/** Wait for all threads of the block. A thread that has ended, or waits for its warp meanwhile,
 *  is an error, and ends the program. */
void __syncthreads();

/** Give `bits` to the warp, and take those of lane `lane`. All 32 lanes must take part. */
uint64_t bsm_exec_shuffle(uint64_t bits, unsigned int lane);
unsigned int bsm_exec_lane();

/** What each lane of the warp has published. */
struct bsm_exec_lanes {
    const unsigned char *first;
    static const unsigned int SIZE = 32; /* that a lane may publish */
    const void *of(unsigned int lane) const
    {
        return first + lane * SIZE;
    }
};

/** Publish `size` bytes; all 32 lanes must take part. It holds until the next but one exchange. */
bsm_exec_lanes bsm_exec_publish(const void *mine, unsigned int size);

/** Copy 16 bytes, or zeros if `from` is NULL, when this thread waits for the copies up to its next
 *  commit. Until then there is nonsense. */
void bsm_exec_copy_later(void *to, const void *from);
void bsm_exec_commit_copies();

/** Wait for all copies but those of the last `groups` commits. */
void bsm_exec_wait_for_copies(unsigned int groups);

template <class T> T bsm_exec_shuffle_value(T value, unsigned int lane)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffle moves 8 bytes at most");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = bsm_exec_shuffle(bits, lane);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

template <class T> T __shfl_sync(unsigned int, T value, unsigned int lane)
{
    return bsm_exec_shuffle_value(value, lane % 32);
}

template <class T> T __shfl_xor_sync(unsigned int, T value, unsigned int mask)
{
    return bsm_exec_shuffle_value(value, bsm_exec_lane() ^ mask);
}

template <class T> T __shfl_up_sync(unsigned int, T value, unsigned int delta)
{
    const unsigned int lane = bsm_exec_lane();
    return bsm_exec_shuffle_value(value, lane >= delta ? lane - delta : lane);
}

inline void __syncwarp()
{
    bsm_exec_shuffle(0, 0);
}

#define BSM_SHARED(type, name) alignas(16) static type name
#define BSM_LAUNCH_SHARED(kernel, type, blocks, threads, stream, ...)                              \
    BSM_LAUNCH(kernel, blocks, threads, stream, __VA_ARGS__)
#define BSM_LAUNCH(kernel, blocks, threads, stream, ...)                                           \
    bsm_exec_launch(BSM_EXEC_FIBRES, (blocks), (threads), (stream), [=]() { kernel(__VA_ARGS__); })
#define BSM_LAUNCH_FLAT(kernel, blocks, threads, stream, ...)                                      \
    bsm_exec_launch(BSM_EXEC_FLAT, (blocks), (threads), (stream), [=]() { kernel(__VA_ARGS__); })

#endif

/** Blocks of `threads` threads for `count` things. */
static inline unsigned int bsm_blocks_for(size_t count, unsigned int threads)
{
    return (unsigned int)((count + threads - 1) / threads);
}

#endif
