/* SPDX-License-Identifier: ISC */
/* Conversion of 16-bit floating-point numbers. */
#include "model/float16.h"

#include <string.h>

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float bsm_float_of_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1fu;
    uint32_t fraction = half & 0x3ffu;
    if (exponent == 0) { /* zero or subnormal */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    uint32_t wide_exponent = exponent == 0x1f ? 0xffu : exponent + 127 - 15;
    return float_of_bits(sign | wide_exponent << 23 | fraction << 13);
}

float bsm_float_of_bfloat(uint16_t bfloat)
{
    return float_of_bits((uint32_t)bfloat << 16);
}

/* value / 2^shift, rounded to nearest, ties to even. */
static uint32_t shift_right_rounded(uint32_t value, uint32_t shift)
{
    uint32_t half = 1u << (shift - 1);
    uint32_t rest = value & ((1u << shift) - 1);
    uint32_t result = value >> shift;
    return result + (rest > half || (rest == half && (result & 1)));
}

uint16_t bsm_half_of_float(float value)
{
    uint32_t bits = bits_of_float(value);
    uint32_t sign = (bits >> 16) & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u); /* NaN */
    }
    if (magnitude >= 0x477ff000u) { /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7c00u);
    }
    if (magnitude < 0x33000000u) { /* less than half of the smallest subnormal number */
        return (uint16_t)sign;
    }
    if (magnitude < 0x38800000u) { /* subnormal numbers are multiples of 2^-24 */
        uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
        return (uint16_t)(sign | shift_right_rounded(fraction, 126 - (magnitude >> 23)));
    }
    /* A carry out of the fraction increments the exponent, as it should. */
    return (uint16_t)(sign | (shift_right_rounded(magnitude, 13) - ((127 - 15) << 10)));
}

uint16_t bsm_bfloat_of_float(float value)
{
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)((bits >> 16) | 0x40u); /* a NaN must not round to infinity */
    }
    return (uint16_t)shift_right_rounded(bits, 16);
}
