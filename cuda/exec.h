/* SPDX-License-Identifier: ISC */
/** The interface between a kernel and the machine that runs it.
 *
 *  nvcc compiles kernels for GPUs. Any other C++ compiler compiles them for the host, where
 *  tests/cuda/exec.cc runs each thread of a block as a fibre, so that tests can run every kernel
 *  without a GPU. There, kernels may use the declarations below and nothing else of CUDA. */
#ifndef BSM_CUDA_EXEC_H
#define BSM_CUDA_EXEC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __CUDACC__

#include <cuda_runtime.h>

/** Run `kernel` (in parentheses if its name contains a comma) in `blocks` blocks of `threads`
 *  threads; does nothing if `blocks` is 0. Failures are reported by cudaGetLastError. */
#define BSM_LAUNCH(kernel, blocks, threads, stream, ...)                                           \
    do {                                                                                           \
        const unsigned int launch_blocks = (blocks);                                               \
        if (launch_blocks) {                                                                       \
            kernel<<<launch_blocks, (threads), 0, (cudaStream_t)(stream)>>>(__VA_ARGS__);          \
        }                                                                                          \
    } while (0)

/** BSM_LAUNCH for a kernel whose threads do not wait for or communicate with each other. */
#define BSM_LAUNCH_FLAT BSM_LAUNCH

/** BSM_LAUNCH for a kernel that uses BSM_SHARED with the same type. */
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

/** Declare `name` as a `type` in shared memory, aligned to 16 bytes. The type may be larger than
 *  the 48 KB that __shared__ allows; every GPU since compute capability 8.0 has 99 KB. May be used
 *  once in each kernel. */
#define BSM_SHARED(type, name)                                                                     \
    extern __shared__ uint4 bsm_shared[];                                                          \
    type &name = *reinterpret_cast<type *>(bsm_shared)

/** Stands before a loop that is to be unrolled completely, so that arrays that it indexes can be
 *  kept in registers. */
#define BSM_UNROLL _Pragma("unroll")

#else

#include <cmath>
#include <cstring>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static /* blocks run one after the other */
#define __launch_bounds__(...)
#define BSM_UNROLL

struct bsm_exec_index {
    unsigned int x;
};
extern bsm_exec_index threadIdx, blockIdx, blockDim, gridDim;

/** How to run a kernel: as fibres, because its threads wait for each other, or flat, because they
 *  do not. */
enum bsm_exec_kind { BSM_EXEC_FIBRES, BSM_EXEC_FLAT };

/** Run `body` for each thread of each block, or queue it if `stream` is being captured. */
void bsm_exec_launch(bsm_exec_kind kind, unsigned int blocks, unsigned int threads, void *stream,
                     std::function<void()> body);

/** Wait for all threads of the block. It is an error, and ends the program, if another thread has
 *  already ended or is waiting for its warp instead. */
void __syncthreads();

/** Give `bits` to the warp and return those that lane `lane` gives. All 32 lanes must take part. */
uint64_t bsm_exec_shuffle(uint64_t bits, unsigned int lane);
unsigned int bsm_exec_lane();

/** The bytes that each lane of the warp has published. */
struct bsm_exec_lanes {
    const unsigned char *first;
    static const unsigned int SIZE = 32; /* the most bytes that a lane may publish */
    const void *of(unsigned int lane) const
    {
        return first + lane * SIZE;
    }
};

/** Publish `size` bytes; all 32 lanes must take part. They stay valid through the next exchange
 *  (publication or shuffle), and are overwritten by the one after it. */
bsm_exec_lanes bsm_exec_publish(const void *mine, unsigned int size);

/** Request a copy of 16 bytes, or of zeros if `from` is NULL. It takes place when this thread waits
 *  for the group that its next commit closes; until then the bytes at `to` are meaningless. */
void bsm_exec_copy_later(void *to, const void *from);
void bsm_exec_commit_copies();

/** Wait for all copies except those of the last `groups` commits. */
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

/** The number of blocks of `threads` threads that `count` items need, at one thread per item. */
static inline unsigned int bsm_blocks_for(size_t count, unsigned int threads)
{
    return (unsigned int)((count + threads - 1) / threads);
}

#endif
