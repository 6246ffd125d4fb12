/* SPDX-License-Identifier: ISC */
/** Random numbers by index: the same at any time, in any order and on any thread. */
#ifndef BSM_MODEL_RANDOM_H
#define BSM_MODEL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/** Marks what nvcc compiles for GPUs, too. */
#ifdef __CUDACC__
#define BSM_HOST_AND_GPU __host__ __device__
#else
#define BSM_HOST_AND_GPU
#endif

/** The number with this index in the SplitMix64 sequence that starts at `seed` (Steele et al.,
 *  2014). */
BSM_HOST_AND_GPU static inline uint64_t bsm_splitmix(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/** The same number, scaled to [0, 1). */
BSM_HOST_AND_GPU static inline double bsm_uniform(uint64_t seed, uint64_t index)
{
    return (double)(bsm_splitmix(seed, index) >> 11) * 0x1p-53;
}

/** FNV-1a, 64 bits. */
static inline uint64_t bsm_hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return hash;
}

#endif
