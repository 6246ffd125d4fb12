/* SPDX-License-Identifier: ISC */
/** Products of rows with packed matrices, in bfloat16 or 8-bit integers, on one thread.
 *
 *  A matrix of k inputs and n outputs is packed into tiles of 1 KB, the unit in which processors
 *  multiply: [n / 16][k / (16 G)][16][16 outputs][G inputs], where G values fill 4 bytes: 2 in
 *  bfloat16 and 4 in int8. Zeros fill the last tiles. A product reads the tiles one after the
 *  other.
 *
 *  Rows are row-major and padded with zeros to whole tiles of 16 G inputs. There must be memory
 *  for a multiple of 16 rows; the contents of rows past the last one do not matter. */
#ifndef BSM_CPU_PACKED_H
#define BSM_CPU_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BSM_TILE = 16,         /**< rows of a tile, and its outputs */
    BSM_TILE_ROW = 64,     /**< bytes of a tile's row */
    BSM_TILE_BYTES = 1024, /**< bytes of a tile */
    BSM_BF16_GROUP = 2,    /**< G in bfloat16 */
    BSM_INT8_GROUP = 4,    /**< G in int8 */
    BSM_BF16_DEPTH = 32,   /**< inputs of a tile in bfloat16 */
    BSM_INT8_DEPTH = 64,   /**< inputs of a tile in int8 */
    BSM_INT8_ZERO = 128,   /**< rows in int8 are unsigned bytes: value / scale + this */
    BSM_INT8_MAX = 127,
};

static inline size_t bsm_whole_tiles(size_t count, size_t depth)
{
    return (count + depth - 1) / depth * depth;
}

/** C = A B + beta C, with sums in float32. */
typedef struct bsm_bf16_product {
    size_t m, n, k;
    const uint16_t *a; /**< [m][lda] */
    size_t lda;
    const uint16_t *b; /**< packed */
    float beta;        /**< 0 or 1 */
    float *c;          /**< [m][ldc] */
    size_t ldc;
    bool far; /**< C is not in the cache */
} bsm_bf16_product;

/** C = (A B - offset[column]) * row_scale[row] * column_scale[column] + beta C, with exact sums. */
typedef struct bsm_int8_product {
    size_t m, n, k;
    const uint8_t *a; /**< [m][lda] */
    size_t lda;
    const int8_t *b; /**< packed */
    const float *row_scale;
    const int32_t *offset; /**< what BSM_INT8_ZERO in every input adds to a sum */
    const float *column_scale;
    float beta; /**< 0 or 1 */
    float *c;   /**< [m][ldc] */
    size_t ldc;
} bsm_int8_product;

/** The products of one instruction set. */
typedef struct bsm_packed_kernels {
    const char *name;                        /**< of the instruction set */
    void (*bf16)(const bsm_bf16_product *p); /**< NULL if it has none */
    void (*int8)(const bsm_int8_product *p); /**< NULL if it has none */
} bsm_packed_kernels;

/** The fastest products of this processor, without those that $BSM_WITHOUT names; NULL if float32
 *  is faster. Any thread. */
const bsm_packed_kernels *bsm_packed_bf16(void);
const bsm_packed_kernels *bsm_packed_int8(void);

/** The set number `index` of those that this processor can run; the first is plain C. NULL past
 *  the last. For tests. */
const bsm_packed_kernels *bsm_packed_at(size_t index);

/** The number of elements of a packed matrix. */
size_t bsm_bf16_packed_size(size_t k, size_t n);
size_t bsm_int8_packed_size(size_t k, size_t n);

/** Where the weight from input i to output o lies: values[i * in_step + o * out_step]. */
typedef struct bsm_matrix_source {
    const float *values;
    size_t in, out;
    size_t in_step, out_step;
} bsm_matrix_source;

/** Round to the nearest bfloat16. */
void bsm_bf16_pack(const bsm_matrix_source *source, uint16_t *packed);

/** Round each output's weights to integers with a scale of its own. If a weight is not finite,
 *  neither is the scale. */
void bsm_int8_pack(const bsm_matrix_source *source, int8_t *packed, float *scale, int32_t *offset);

#endif
