/* SPDX-License-Identifier: ISC */
/** Pseudo-random numbers for tests, which are the same in every run and on every machine. */
#ifndef BSM_TESTS_NOISE_H
#define BSM_TESTS_NOISE_H

#include <stddef.h>
#include <stdint.h>

/** Return 32 random bits (the upper half of splitmix64). */
static inline uint32_t noise_bits(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15U;
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

/** Return a number from low to high, both included. */
static inline size_t noise_size(uint64_t *seed, size_t low, size_t high)
{
    return low + noise_bits(seed) % (high - low + 1);
}

/** Return a number from -1 to 1. */
static inline float noise_float(uint64_t *seed)
{
    return (float)((double)noise_bits(seed) / 2147483648.0 - 1.0);
}

static inline void noise_fill(uint64_t *seed, float *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = noise_float(seed);
    }
}

#endif
