/* SPDX-License-Identifier: ISC */
/** Functions of single values and rows that the kernels consist of. Each of them compiles its own
 *  copy. */
#ifndef BSM_CPU_KERNELS_MATH_H
#define BSM_CPU_KERNELS_MATH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* exp to about 1 ulp for |x| < 87; beyond that x is clamped, so that nothing overflows or becomes
 * denormal. It is plain arithmetic, which vectorises unlike a call of expf. The polynomial is that
 * of Cephes' expf (Moshier, public domain). */
static inline float exp_clamped(float x)
{
    /* 1.5 * 2^23: the low bits of the sum are the integer */
    const float round_to_integer = 12582912.0f;
    x = x > 87.0f ? 87.0f : x;
    x = x < -87.0f ? -87.0f : x;
    float shifted = x * 1.44269504088896341f + round_to_integer;
    float n = shifted - round_to_integer;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float y = 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    uint32_t exponent;
    float power;
    memcpy(&exponent, &shifted, sizeof exponent);
    exponent = (exponent + 127) << 23;
    memcpy(&power, &exponent, sizeof power);
    return y * power; /* not a sum of bits, because NaN must stay NaN */
}

/* 1 / x to about 1 ulp for normal x below 2^125, by three Newton steps from a guess by the
 * exponent. That takes a third of the time of the processor's division. */
static inline float reciprocal(float x)
{
    uint32_t bits;
    float y;
    memcpy(&bits, &x, sizeof bits);
    bits = 0x7ef311c3u - bits;
    memcpy(&y, &bits, sizeof y);
    y += y * (1.0f - x * y);
    y += y * (1.0f - x * y);
    y += y * (1.0f - x * y);
    return y;
}

static inline float sigmoid(float x)
{
    return reciprocal(1.0f + exp_clamped(-x));
}

static inline float sum_of_squares(size_t n, const float *restrict x)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sum;
}

static inline float rms_factor(size_t n, const float *x)
{
    return 1.0f / sqrtf(sum_of_squares(n, x) / (float)n + 1e-5f);
}

#endif
