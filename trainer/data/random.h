/* SPDX-License-Identifier: ISC */
/** Random numbers for training examples: a stream per seed, example and purpose, so that one draw
 *  more or less in one place changes nothing anywhere else, and no order of work matters. */
#ifndef BSM_TRAINER_RANDOM_H
#define BSM_TRAINER_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BSM_RANDOM_GOLDEN UINT64_C(0x9E3779B97F4A7C15)

/** The next number is a hash of the key and of the count of numbers taken. */
typedef struct bsm_random {
    uint64_t key, count;
} bsm_random;

/** The finaliser of splitmix64 (Steele et al., 2014): every bit of `z` reaches every bit. */
static inline uint64_t bsm_random_hash(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

/** A stream of its own for `purpose` (any number), whatever `random` has given so far. */
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

/** Evenly in [0, 1). */
static inline double bsm_random_unit(bsm_random *random)
{
    return (double)(bsm_random_bits(random) >> 11) * 0x1p-53;
}

/** Evenly in [low, high). */
static inline double bsm_random_between(bsm_random *random, double low, double high)
{
    return low + (high - low) * bsm_random_unit(random);
}

/** Evenly in [low, high) on a logarithmic scale; both above 0. */
static inline double bsm_random_log(bsm_random *random, double low, double high)
{
    return low * exp(log(high / low) * bsm_random_unit(random));
}

/** True with a probability. One draw, whatever the probability. */
static inline bool bsm_random_chance(bsm_random *random, double probability)
{
    return bsm_random_unit(random) < probability;
}

/** A whole number from 0 to below `count`, which is above 0. */
static inline uint64_t bsm_random_below(bsm_random *random, uint64_t count)
{
    return (uint64_t)(((unsigned __int128)bsm_random_bits(random) * count) >> 64);
}

#endif
