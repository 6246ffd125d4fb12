/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_INT8 set by meson. */
#include "device/cpu/kernels_int8.h"

#include <string.h>

extern const bsm_int8_kernels BSM_KERNELS_INT8;

/* ---- Product without a library ---- */

enum { TILE = 4 }; /* columns that share each load of a row */

static void dot_tile(size_t k, const uint8_t *restrict a, const int8_t *restrict b,
                     int32_t sums[restrict TILE])
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (size_t i = 0; i < k; i++) {
        int16_t x = a[i];
        s0 += x * (int16_t)b[i];
        s1 += x * (int16_t)b[k + i];
        s2 += x * (int16_t)b[2 * k + i];
        s3 += x * (int16_t)b[3 * k + i];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static int32_t dot(size_t k, const uint8_t *restrict a, const int8_t *restrict b)
{
    int32_t sum = 0;
    for (size_t i = 0; i < k; i++) {
        sum += (int16_t)a[i] * (int16_t)b[i];
    }
    return sum;
}

static void product(const bsm_int8_product *p)
{
    size_t tiled = p->n / TILE * TILE;
    for (size_t j = 0; j < tiled; j += TILE) {
        for (size_t i = 0; i < p->m; i++) {
            dot_tile(p->k, p->a + i * p->k, p->b + j * p->k, p->c + i * p->ldc + j);
        }
    }
    for (size_t j = tiled; j < p->n; j++) {
        for (size_t i = 0; i < p->m; i++) {
            p->c[i * p->ldc + j] = dot(p->k, p->a + i * p->k, p->b + j * p->k);
        }
    }
}

/* ---- Rows to integers and sums to values ---- */

/* As integers, float32's magnitudes are ordered like their values, with infinity and then NaN
 * behind all numbers: neither is lost. */
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
        value = value < most ? value : most; /* NaN, too */
        value = value > -most ? value : -most;
        q[i] = (uint8_t)(int32_t)(value + (BSM_INT8_ZERO + 0.5f)); /* above 0: rounds */
    }
}

static void quantise(size_t rows, size_t n, const float *x, size_t ld, uint8_t *q, float *scale)
{
    const float least = 1e-30f; /* whose inverse is finite */
    for (size_t r = 0; r < rows; r++, x += ld, q += n) {
        float most = largest(n, x);
        scale[r] = most / BSM_INT8_MAX;
        quantise_row(n, x, most > least ? BSM_INT8_MAX / most : 0, q);
    }
}

static inline void scale_row(size_t n, const int32_t *restrict sums, const int32_t *restrict offset,
                             float scale, const float *restrict columns, float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)(sums[i] - offset[i]) * (scale * columns[i]);
    }
}

static inline void add_scaled_row(size_t n, const int32_t *restrict sums,
                                  const int32_t *restrict offset, float scale,
                                  const float *restrict columns, float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += (float)(sums[i] - offset[i]) * (scale * columns[i]);
    }
}

static void scale_sums(size_t rows, size_t n, const bsm_int8_sums *sums, float beta, float *y,
                       size_t ld)
{
    for (size_t r = 0; r < rows; r++, y += ld) {
        const int32_t *row = sums->sums + r * sums->ld;
        if (beta == 0) {
            scale_row(n, row, sums->offset, sums->row_scale[r], sums->column_scale, y);
        } else {
            add_scaled_row(n, row, sums->offset, sums->row_scale[r], sums->column_scale, y);
        }
    }
}

const bsm_int8_kernels BSM_KERNELS_INT8 = {
    .product = product,
    .quantise = quantise,
    .scale_sums = scale_sums,
};
