/* SPDX-License-Identifier: ISC */
/** Vectors of the instruction set that a file is compiled for. */
#ifndef BSM_VECTOR_H
#define BSM_VECTOR_H

#include <math.h>
#include <stddef.h>
#include <string.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

/** Floats per vector. */
#if defined(__AVX512F__)
enum { VECTOR = 16 };
#elif defined(__AVX__)
enum { VECTOR = 8 };
#else
enum { VECTOR = 4 };
#endif

typedef float vector __attribute__((vector_size(4 * VECTOR)));

static inline vector load_vector(const float *from)
{
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store_vector(float *to, vector v)
{
    memcpy(to, &v, sizeof v);
}

/** 1 / sqrt(x) of normal numbers, to 2 ulp. */
static inline vector inverse_root(vector x)
{
#if defined(__AVX512F__)
    vector y = (vector)_mm512_rsqrt14_ps((__m512)x); /* a Newton step doubles the bits */
    return y * (1.5f - 0.5f * x * y * y);
#else
    vector y = {0};
    for (int i = 0; i < VECTOR; i++) {
        y[i] = 1.0f / sqrtf(x[i]);
    }
    return y;
#endif
}

typedef float quad __attribute__((vector_size(16)));

static inline quad load_quad(const float *from)
{
    quad v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store_quad(float *to, quad v)
{
    memcpy(to, &v, sizeof v);
}

/** Transpose four rows of four values. */
static inline void transpose_4x4(quad rows[4])
{
    quad low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
    quad low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
    quad high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
    quad high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

#endif
