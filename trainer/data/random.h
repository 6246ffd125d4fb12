/* SPDX-License-Identifier: ISC */
/** Random numbers for training examples: one stream per seed, example and purpose, so that an
 *  additional draw in one place changes nothing anywhere else, and the order of the work does not
 *  matter. */
#ifndef BSM_TRAINER_RANDOM_H
#define BSM_TRAINER_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BSM_RANDOM_GOLDEN UINT64_C(0x9E3779B97F4A7C15)

/** The next number is a hash of the key and of the count of numbers taken so far. */
typedef struct bsm_random {
    uint64_t key, count;
} bsm_random;

/** The finaliser of splitmix64 (Steele et al., 2014): every bit of `z` affects every bit of the
 *  result. */
static inline uint64_t bsm_random_hash(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

/** Make an independent stream for `purpose` (any number), however many numbers `random` has
 *  given. */
static inline bsm_random bsm_random_fork(const bsm_random *random, uint64_t purpose)
{
    const uint64_t inner = bsm_random_hash(purpose + BSM_RANDOM_GOLDEN);
    return (bsm_random){.key = bsm_random_hash(random->key ^ inner)};
}

/** The stream of example `number`. */
static inline bsm_random bsm_random_of(uint64_t seed, uint64_t number)
{
    const bsm_random all = {.key = bsm_random_hash(seed + BSM_RANDOM_GOLDEN)};
    return bsm_random_fork(&all, number);
}

static inline uint64_t bsm_random_bits(bsm_random *random)
{
    random->count++;
    return bsm_random_hash(random->key + random->count * BSM_RANDOM_GOLDEN);
}

/** Uniform in [0, 1). */
static inline double bsm_random_unit(bsm_random *random)
{
    return (double)(bsm_random_bits(random) >> 11) * 0x1p-53;
}

/** Uniform in [low, high). */
static inline double bsm_random_between(bsm_random *random, double low, double high)
{
    return low + (high - low) * bsm_random_unit(random);
}

/** Log-uniform in [low, high); both are positive. */
static inline double bsm_random_log(bsm_random *random, double low, double high)
{
    return low * exp(log(high / low) * bsm_random_unit(random));
}

/** True with this probability. Takes one draw, whatever the probability. */
static inline bool bsm_random_chance(bsm_random *random, double probability)
{
    return bsm_random_unit(random) < probability;
}

/** A whole number from 0 to below `count`, which is positive. */
static inline uint64_t bsm_random_below(bsm_random *random, uint64_t count)
{
    return (uint64_t)(((unsigned __int128)bsm_random_bits(random) * count) >> 64);
}

#endif
