/* SPDX-License-Identifier: ISC */
/* Packed products by AVX-VNNI, the 256-bit instructions of processors without AVX-512. They run
 * only if packed_dispatch.c finds them. */
#include <immintrin.h>
#include <string.h>

#include "device/cpu/packed_tile.h"

extern const bsm_packed_kernels bsm_packed_avxvnni;

enum { ROWS = 4, HALF = BSM_TILE / 2 };

static void sums_of_rows(const bsm_int8_product *p, size_t row, size_t column)
{
    size_t depth = bsm_whole_tiles(p->k, BSM_INT8_DEPTH);
    const uint8_t *a = p->a + row * p->lda;
    const int8_t *b = p->b + column * depth;
    __m256i acc[ROWS][2];
    for (size_t i = 0; i < ROWS; i++) {
        acc[i][0] = acc[i][1] = _mm256_setzero_si256();
    }
    for (size_t k = 0; k < depth; k += BSM_INT8_GROUP, b += BSM_TILE_ROW) {
        __m256i left = _mm256_loadu_si256((const __m256i *)b);
        __m256i right = _mm256_loadu_si256((const __m256i *)(b + BSM_TILE_ROW / 2));
        for (size_t i = 0; i < ROWS; i++) {
            int32_t four;
            memcpy(&four, a + i * p->lda + k, sizeof four);
            __m256i value = _mm256_set1_epi32(four);
            acc[i][0] = _mm256_dpbusd_avx_epi32(acc[i][0], value, left);
            acc[i][1] = _mm256_dpbusd_avx_epi32(acc[i][1], value, right);
        }
    }
    int32_t sums[ROWS][BSM_TILE];
    for (size_t i = 0; i < ROWS; i++) {
        _mm256_storeu_si256((__m256i *)sums[i], acc[i][0]);
        _mm256_storeu_si256((__m256i *)(sums[i] + HALF), acc[i][1]);
    }
    finish_int8(p, row, column, ROWS, sums[0], BSM_TILE);
}

static void int8(const bsm_int8_product *p)
{
    for (size_t column = 0; column < p->n; column += BSM_TILE) {
        for (size_t row = 0; row < p->m; row += ROWS) {
            sums_of_rows(p, row, column);
        }
    }
}

const bsm_packed_kernels bsm_packed_avxvnni = {.name = "AVX-VNNI", .int8 = int8};
