/* SPDX-License-Identifier: ISC */
/** bfloat16: the upper half of a float32. */
#ifndef BSM_CPU_BF16_H
#define BSM_CPU_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Round to nearest, ties to even; the result is in the upper half. NaN stays NaN. */
static inline uint32_t bf16_round(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    return (bits & 0x7fffffff) > 0x7f800000 ? bits | 0x400000 : rounded;
}

static inline uint16_t bf16_of(float value)
{
    return (uint16_t)(bf16_round(value) >> 16);
}

static inline float bf16_value(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/** out = factor x, rounded to bfloat16. */
static inline void bf16_round_row(size_t n, const float *restrict x, float factor,
                                  uint16_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = bf16_of(factor * x[i]);
    }
}

/** Round 16 values from each of two rows and interleave them. */
static inline void bf16_round_pairs(const float *restrict first, float factor,
                                    const float *restrict second, float second_factor,
                                    uint16_t *restrict out)
{
    uint32_t pairs[16];
    for (size_t j = 0; j < 16; j++) {
        pairs[j] = bf16_round(first[j] * factor) >> 16 |
                   (bf16_round(second[j] * second_factor) & 0xffff0000);
    }
    memcpy(out, pairs, sizeof pairs);
}

#endif
