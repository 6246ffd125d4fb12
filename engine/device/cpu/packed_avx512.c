/* SPDX-License-Identifier: ISC */
/* Packed products by AVX-512: VNNI for int8, BF16 for bfloat16. Compiled for both; each runs only
 * if packed_dispatch.c finds it. */
#include <immintrin.h>
#include <string.h>

#include "device/cpu/packed_tile.h"

extern const bsm_packed_kernels bsm_packed_avx512_bf16, bsm_packed_avx512_vnni;

/* 8 rows by 2 tiles of outputs are summed at a time: enough to hide the latency of one sum. */
enum { ROWS = 8, WIDE = 2 };

static inline __m512i four_bytes(const char *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return _mm512_set1_epi32(value);
}

static inline __attribute__((always_inline)) void bf16_sums(const bsm_bf16_product *p, size_t row,
                                                            size_t column, size_t wide)
{
    size_t depth = bsm_whole_tiles(p->k, BSM_BF16_DEPTH);
    const char *a = (const char *)(p->a + row * p->lda);
    const char *b = (const char *)(p->b + column * depth);
    size_t lda = p->lda * sizeof *p->a, next = depth * BSM_TILE * sizeof *p->b;
    __m512 acc[ROWS][WIDE];
    for (size_t i = 0; i < ROWS; i++) {
        acc[i][0] = acc[i][1] = _mm512_setzero_ps();
    }
    for (size_t k = 0; k < depth / BSM_BF16_GROUP; k++, a += 4, b += BSM_TILE_ROW) {
        __m512bh left = (__m512bh)_mm512_loadu_si512(b);
        __m512bh right = wide > 1 ? (__m512bh)_mm512_loadu_si512(b + next) : left;
        for (size_t i = 0; i < ROWS; i++) {
            __m512bh value = (__m512bh)four_bytes(a + i * lda);
            acc[i][0] = _mm512_dpbf16_ps(acc[i][0], value, left);
            if (wide > 1) {
                acc[i][1] = _mm512_dpbf16_ps(acc[i][1], value, right);
            }
        }
    }
    for (size_t t = 0; t < wide; t++) {
        float sums[ROWS][BSM_TILE];
        for (size_t i = 0; i < ROWS; i++) {
            _mm512_storeu_ps(sums[i], acc[i][t]);
        }
        finish_bf16(p, row, column + t * BSM_TILE, ROWS, sums[0], BSM_TILE);
    }
}

static inline __attribute__((always_inline)) void int8_sums(const bsm_int8_product *p, size_t row,
                                                            size_t column, size_t wide)
{
    size_t depth = bsm_whole_tiles(p->k, BSM_INT8_DEPTH), next = depth * BSM_TILE;
    const char *a = (const char *)(p->a + row * p->lda);
    const char *b = (const char *)(p->b + column * depth);
    __m512i acc[ROWS][WIDE];
    for (size_t i = 0; i < ROWS; i++) {
        acc[i][0] = acc[i][1] = _mm512_setzero_si512();
    }
    for (size_t k = 0; k < depth / BSM_INT8_GROUP; k++, a += 4, b += BSM_TILE_ROW) {
        __m512i left = _mm512_loadu_si512(b);
        __m512i right = wide > 1 ? _mm512_loadu_si512(b + next) : left;
        for (size_t i = 0; i < ROWS; i++) {
            __m512i value = four_bytes(a + i * p->lda);
            acc[i][0] = _mm512_dpbusd_epi32(acc[i][0], value, left);
            if (wide > 1) {
                acc[i][1] = _mm512_dpbusd_epi32(acc[i][1], value, right);
            }
        }
    }
    for (size_t t = 0; t < wide; t++) {
        int32_t sums[ROWS][BSM_TILE];
        for (size_t i = 0; i < ROWS; i++) {
            _mm512_storeu_si512(sums[i], acc[i][t]);
        }
        finish_int8(p, row, column + t * BSM_TILE, ROWS, sums[0], BSM_TILE);
    }
}

static void bf16(const bsm_bf16_product *p)
{
    for (size_t column = 0; column < p->n; column += WIDE * BSM_TILE) {
        for (size_t row = 0; row < p->m; row += ROWS) {
            if (p->n - column > BSM_TILE) {
                bf16_sums(p, row, column, WIDE);
            } else {
                bf16_sums(p, row, column, 1);
            }
        }
    }
}

static void int8(const bsm_int8_product *p)
{
    for (size_t column = 0; column < p->n; column += WIDE * BSM_TILE) {
        for (size_t row = 0; row < p->m; row += ROWS) {
            if (p->n - column > BSM_TILE) {
                int8_sums(p, row, column, WIDE);
            } else {
                int8_sums(p, row, column, 1);
            }
        }
    }
}

const bsm_packed_kernels bsm_packed_avx512_bf16 = {.name = "AVX512-BF16", .bf16 = bf16};
const bsm_packed_kernels bsm_packed_avx512_vnni = {.name = "AVX512-VNNI", .int8 = int8};
