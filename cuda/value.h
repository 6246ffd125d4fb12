/* SPDX-License-Identifier: ISC */
/** Numbers on a GPU: the types that products read (float32 or bfloat16), sums over a warp, and the
 *  network's functions of one number. For kernels. */
#ifndef BSM_CUDA_VALUE_H
#define BSM_CUDA_VALUE_H

#include "exec.h"

enum { BSM_WARP = 32 };
static const unsigned int BSM_ALL_LANES = 0xffffffffu;

/** A bfloat16 number: the upper half of a float32. */
struct bsm_bf16 {
    uint16_t bits;
};

__host__ __device__ inline uint32_t bsm_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

__host__ __device__ inline float bsm_float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

template <class T> struct bsm_value;

template <> struct bsm_value<float> {
    __host__ __device__ static float from(float x)
    {
        return x;
    }
    __host__ __device__ static float to_float(float x)
    {
        return x;
    }
};

template <> struct bsm_value<bsm_bf16> {
    /* Round to the nearest number, ties to even; NaN stays NaN. */
    __host__ __device__ static bsm_bf16 from(float x)
    {
        bsm_bf16 y;
#ifdef __CUDA_ARCH__
        asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
#else
        const uint32_t bits = bsm_bits_of(x);
        const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
        const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
        y.bits = (uint16_t)(nan ? (bits >> 16) | 0x40u : rounded >> 16);
#endif
        return y;
    }
    __host__ __device__ static float to_float(bsm_bf16 x)
    {
        return bsm_float_of_bits((uint32_t)x.bits << 16);
    }
};

/** V adjacent numbers, aligned to their total size, which are loaded and stored as one. */
template <class T, uint32_t V> struct alignas(sizeof(T) * V) bsm_pack {
    T values[V];
};

template <uint32_t V, class T> __device__ inline void bsm_load(const T *at, float *numbers)
{
    const bsm_pack<T, V> pack = *(const bsm_pack<T, V> *)at;
    BSM_UNROLL
    for (uint32_t i = 0; i < V; i++) {
        numbers[i] = bsm_value<T>::to_float(pack.values[i]);
    }
}

template <uint32_t V, class T> __device__ inline void bsm_store(T *at, const float *numbers)
{
    bsm_pack<T, V> pack;
    BSM_UNROLL
    for (uint32_t i = 0; i < V; i++) {
        pack.values[i] = bsm_value<T>::from(numbers[i]);
    }
    *(bsm_pack<T, V> *)at = pack;
}

/** Return the sum over a warp, in every lane. */
__device__ inline float bsm_warp_sum(float x)
{
    for (unsigned int lane = BSM_WARP / 2; lane > 0; lane /= 2) {
        x += __shfl_xor_sync(BSM_ALL_LANES, x, lane);
    }
    return x;
}

/** Return the sum over the lanes up to and including this one. */
template <class T> __device__ T bsm_warp_prefix_sum(T x)
{
    const unsigned int lane = threadIdx.x % BSM_WARP;
    for (unsigned int delta = 1; delta < BSM_WARP; delta *= 2) {
        const T before = __shfl_up_sync(BSM_ALL_LANES, x, delta);
        x += lane >= delta ? before : T(0);
    }
    return x;
}

__device__ inline float bsm_sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/** exp(x) to a relative accuracy of about 2^-20, for results that become bfloat16 anyway. Denormal
 *  results are flushed to zero, because handling them would take as long as all the rest. */
__device__ inline float bsm_quick_exp(float x)
{
#ifdef __CUDA_ARCH__
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x * 1.44269504f)); /* log2(e) */
    return y;
#else
    return expf(x);
#endif
}

__device__ inline float bsm_quick_sigmoid(float x)
{
#ifdef __CUDA_ARCH__
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(1.0f + bsm_quick_exp(-x)));
    return y;
#else
    return bsm_sigmoid(x);
#endif
}

/** The sigmoid, as accurate as numbers of type T are. */
template <class T> __device__ float bsm_sigmoid_of(float x)
{
    return sizeof(T) < sizeof(float) ? bsm_quick_sigmoid(x) : bsm_sigmoid(x);
}

template <class T> __device__ float bsm_silu_of(float x)
{
    return x * bsm_sigmoid_of<T>(x);
}

__device__ inline float bsm_softplus(float x)
{
    return x > 20.0f ? x : log1pf(expf(x));
}

#endif
