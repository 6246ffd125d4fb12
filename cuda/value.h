/* SPDX-License-Identifier: ISC */
/** Numbers on a card: what products read (float32 or bfloat16), sums over a warp, and the
 *  network's functions of one number. For kernels. */
#ifndef BSM_CUDA_VALUE_H
#define BSM_CUDA_VALUE_H

#include "exec.h"

enum { BSM_WARP = 32 };
static const unsigned int BSM_ALL_LANES = 0xffffffffu;

/** The upper half of a float32. */
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
    /* To the nearest, ties to even; what is not a number stays so. */
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

/** The sum over a warp, in every lane. */
__device__ inline float bsm_warp_sum(float x)
{
    for (unsigned int lane = BSM_WARP / 2; lane > 0; lane /= 2) {
        x += __shfl_xor_sync(BSM_ALL_LANES, x, lane);
    }
    return x;
}

/** The sum over the lanes up to and with this one. */
__device__ inline double bsm_warp_prefix_sum(double x)
{
    const unsigned int lane = threadIdx.x % BSM_WARP;
    for (unsigned int delta = 1; delta < BSM_WARP; delta *= 2) {
        const double before = __shfl_up_sync(BSM_ALL_LANES, x, delta);
        x += lane >= delta ? before : 0.0;
    }
    return x;
}

__device__ inline float bsm_sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

__device__ inline float bsm_silu(float x)
{
    return x * bsm_sigmoid(x);
}

__device__ inline float bsm_softplus(float x)
{
    return x > 20.0f ? x : log1pf(expf(x));
}

#endif
