/* SPDX-License-Identifier: ISC */
/** Vectors of the instruction set that a file is compiled for. */
#ifndef BSM_CPU_KERNELS_VECTOR_H
#define BSM_CPU_KERNELS_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

/** Floats of a vector. */
#if defined(__AVX512F__)
enum { VECTOR = 16 };
#elif defined(__AVX__)
enum { VECTOR = 8 };
#else
enum { VECTOR = 4 };
#endif

/** Memory that is soon read, or written: where rows are far apart the processor does not see it
 *  coming, and what is computed would wait for it most of its time. */
static inline void fetch_to_read(size_t n, const float *x)
{
    for (size_t i = 0; i < n; i += 16) {
        __builtin_prefetch(x + i);
    }
}

static inline void fetch_to_write(size_t n, const float *x)
{
    for (size_t i = 0; i < n; i += 16) {
        __builtin_prefetch(x + i, 1);
    }
}

/** What is stored past the cache is there for other threads after store_fence. */
static inline void store_past_cache(float *to, const float *from)
{
#if defined(__AVX512F__)
    _mm512_stream_ps(to, _mm512_loadu_ps(from));
#elif defined(__AVX__)
    _mm256_stream_ps(to, _mm256_loadu_ps(from));
#elif defined(__SSE__)
    _mm_stream_ps(to, _mm_loadu_ps(from));
#else
    memcpy(to, from, VECTOR * sizeof *to);
#endif
}

static inline void store_fence(void)
{
#ifdef __SSE__
    _mm_sfence();
#endif
}

/** Floats from `at` on before the first aligned one, of n. */
static inline size_t to_aligned(const float *at, size_t n)
{
    size_t head = (0 - (uintptr_t)at / sizeof *at) % VECTOR;
    return head < n ? head : n;
}

typedef float vector __attribute__((vector_size(4 * VECTOR)));

static inline vector load_vector(const float *from)
{
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

typedef float quad __attribute__((vector_size(16)));

static inline quad load_quad(const float *from)
{
    quad v;
    memcpy(&v, from, sizeof v);
    return v;
}

/** Four values of each of four rows, the other way round: out[k * ld + i] = rows[i][k]. */
static inline void transpose_quads(const float *const rows[4], float *out, size_t ld)
{
    quad r0 = load_quad(rows[0]), r1 = load_quad(rows[1]);
    quad r2 = load_quad(rows[2]), r3 = load_quad(rows[3]);
    quad low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
    quad low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    quad high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
    quad high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    quad columns[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                       __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                       __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                       __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
    for (size_t k = 0; k < 4; k++) {
        memcpy(out + k * ld, &columns[k], sizeof columns[k]);
    }
}

#endif
