/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_ROWS set by meson. */
#include "device/cpu/kernels.h"

#include <string.h>

#include "device/cpu/bf16.h"
#include "device/cpu/packed.h"

extern const bsm_row_kernels BSM_KERNELS_ROWS;

static inline void round_row(size_t n, const float *restrict x, uint16_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = bf16_of(x[i]);
    }
}

static void to_bf16(size_t rows, size_t n, const float *x, size_t ld, uint16_t *out, size_t ld_out)
{
    const size_t filled = bsm_whole_tiles(n, BSM_BF16_DEPTH) - n;
    for (size_t r = 0; r < rows; r++, x += ld, out += ld_out) {
        round_row(n, x, out);
        memset(out + n, 0, filled * sizeof *out);
    }
}

/* As integers, the magnitudes of float32 are ordered like their values, with infinity and then NaN
 * above all numbers, so neither is lost. */
static float largest(size_t n, const float *restrict x)
{
    int32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= INT32_MAX;
        most = bits > most ? bits : most;
    }
    float value;
    memcpy(&value, &most, sizeof value);
    return value;
}

static void quantise_row(size_t n, const float *restrict x, float factor, uint8_t *restrict q)
{
    const float most = BSM_INT8_MAX;
    for (size_t i = 0; i < n; i++) {
        float value = x[i] * factor;
        value = value < most ? value : most; /* also if it is NaN */
        value = value > -most ? value : -most;
        /* above 0: the row can be rounded */
        q[i] = (uint8_t)(int32_t)(value + (BSM_INT8_ZERO + 0.5f));
    }
}

static void to_int8(size_t rows, size_t n, const float *x, size_t ld, uint8_t *q, size_t ld_out,
                    float *scale)
{
    const float least = 1e-30f; /* its inverse is finite */
    const size_t filled = bsm_whole_tiles(n, BSM_INT8_DEPTH) - n;
    for (size_t r = 0; r < rows; r++, x += ld, q += ld_out) {
        float most = largest(n, x);
        scale[r] = most / BSM_INT8_MAX;
        quantise_row(n, x, most > least ? BSM_INT8_MAX / most : 0, q);
        memset(q + n, 0, filled);
    }
}

const bsm_row_kernels BSM_KERNELS_ROWS = {.to_bf16 = to_bf16, .to_int8 = to_int8};
