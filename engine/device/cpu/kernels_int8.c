/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_INT8 set by meson. */
#include "device/cpu/kernels_int8.h"

#include <string.h>

extern const bsm_int8_kernels BSM_KERNELS_INT8;

/* ---- Product without a library: in 16 bits, whose pairs of products processors add. ---- */

enum { TILE_ROWS = 16, TILE_COLUMNS = 4, PANEL = 256, STEP = 32 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Some of a row, and zeros up to whole steps. */
static void widen_unsigned(size_t n, size_t padded, const uint8_t *restrict in,
                           int16_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = in[i];
    }
    memset(out + n, 0, (padded - n) * sizeof *out);
}

static void widen_signed(size_t n, size_t padded, const int8_t *restrict in, int16_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = in[i];
    }
    memset(out + n, 0, (padded - n) * sizeof *out);
}

/* One row by TILE_COLUMNS columns. */
static void dot_columns(size_t padded, const int16_t *restrict a,
                        const int16_t b[restrict TILE_COLUMNS][PANEL],
                        int32_t sums[restrict TILE_COLUMNS])
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (size_t i = 0; i < padded; i++) {
        s0 += a[i] * b[0][i];
        s1 += a[i] * b[1][i];
        s2 += a[i] * b[2][i];
        s3 += a[i] * b[3][i];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static void multiply_rows(const bsm_int8_product *p, size_t k0, size_t i0)
{
    int16_t a[TILE_ROWS][PANEL], b[TILE_COLUMNS][PANEL] = {{0}};
    size_t depth = least(PANEL, p->k - k0), padded = (depth + STEP - 1) / STEP * STEP;
    size_t rows = least(TILE_ROWS, p->m - i0);
    for (size_t i = 0; i < rows; i++) {
        widen_unsigned(depth, padded, p->a + (i0 + i) * p->k + k0, a[i]);
    }
    for (size_t j0 = 0; j0 < p->n; j0 += TILE_COLUMNS) {
        size_t columns = least(TILE_COLUMNS, p->n - j0);
        for (size_t j = 0; j < columns; j++) {
            widen_signed(depth, padded, p->b + (j0 + j) * p->k + k0, b[j]);
        }
        for (size_t i = 0; i < rows; i++) {
            int32_t sums[TILE_COLUMNS], *c = p->c + (i0 + i) * p->ldc + j0;
            dot_columns(padded, a[i], b, sums);
            for (size_t j = 0; j < columns; j++) {
                c[j] = k0 == 0 ? sums[j] : c[j] + sums[j];
            }
        }
    }
}

static void product(const bsm_int8_product *p)
{
    for (size_t k0 = 0; k0 < p->k; k0 += PANEL) {
        for (size_t i0 = 0; i0 < p->m; i0 += TILE_ROWS) {
            multiply_rows(p, k0, i0);
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
