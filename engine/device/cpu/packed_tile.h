/* SPDX-License-Identifier: ISC */
/** The end of a packed product, in which the sums of one tile go into C. Each kernel compiles its
 *  own copy. */
#ifndef BSM_CPU_PACKED_TILE_H
#define BSM_CPU_PACKED_TILE_H

#include "device/cpu/packed.h"

static inline size_t tile_end(size_t first, size_t all)
{
    return all - first < BSM_TILE ? all - first : BSM_TILE;
}

static inline void finish_bf16_row(size_t n, const float *restrict sums, bool add,
                                   float *restrict c)
{
    for (size_t j = 0; j < n; j++) {
        c[j] = add ? c[j] + sums[j] : sums[j];
    }
}

/* Write `rows` rows of sums, ld apart, to C's tile at `row` and `column`. */
static inline void finish_bf16(const bsm_bf16_product *p, size_t row, size_t column, size_t rows,
                               const float *sums, size_t ld)
{
    size_t columns = tile_end(column, p->n);
    for (size_t i = 0; i < rows && row + i < p->m; i++, sums += ld) {
        float *c = p->c + (row + i) * p->ldc + column;
        if (columns == BSM_TILE) { /* with a fixed size the compiler needs no loop */
            finish_bf16_row(BSM_TILE, sums, p->beta != 0, c);
        } else {
            finish_bf16_row(columns, sums, p->beta != 0, c);
        }
    }
}

static inline void finish_int8_row(size_t n, const int32_t *restrict sums,
                                   const int32_t *restrict offset, float row_scale,
                                   const float *restrict column_scale, bool add, float *restrict c)
{
    for (size_t j = 0; j < n; j++) {
        float value = (float)(sums[j] - offset[j]) * (row_scale * column_scale[j]);
        c[j] = add ? c[j] + value : value;
    }
}

static inline void finish_int8(const bsm_int8_product *p, size_t row, size_t column, size_t rows,
                               const int32_t *sums, size_t ld)
{
    size_t columns = tile_end(column, p->n);
    const int32_t *offset = p->offset + column;
    const float *scale = p->column_scale + column;
    for (size_t i = 0; i < rows && row + i < p->m; i++, sums += ld) {
        float *c = p->c + (row + i) * p->ldc + column, own = p->row_scale[row + i];
        if (columns == BSM_TILE) {
            finish_int8_row(BSM_TILE, sums, offset, own, scale, p->beta != 0, c);
        } else {
            finish_int8_row(columns, sums, offset, own, scale, p->beta != 0, c);
        }
    }
}

#endif
