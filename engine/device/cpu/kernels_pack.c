/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_PACK set by meson. Everything is done in
 * blocks of the size of a tile: 32 values, as 16 pairs of 4 bytes, by 16. */
#include "device/cpu/kernels.h"

#include <string.h>

#include "base/vector.h"
#include "device/cpu/bf16.h"
#include "device/cpu/packed.h"

extern const bsm_pack_kernels BSM_KERNELS_PACK;

enum { DEPTH = BSM_BF16_DEPTH, PAIRS = DEPTH / 2, TILE = BSM_TILE };

typedef uint32_t words __attribute__((vector_size(4 * VECTOR)));

/* Apply bf16_round to all values. */
static inline words rounded(vector values)
{
    words bits;
    memcpy(&bits, &values, sizeof bits);
    const words none = (words)((bits & 0x7fffffff) > 0x7f800000);
    const words up = bits + 0x7fff + (bits >> 16 & 1);
    return (none & (bits | 0x400000)) | (~none & up);
}

static inline size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The part of a matrix that a block covers; at the matrix's end, a copy that is padded with
 * zeros. */
typedef struct part {
    const float *x;
    size_t ld;
} part;

static part whole_part(size_t rows, size_t columns, size_t all_rows, size_t all_columns, part own,
                       float *copy)
{
    if (rows == all_rows && columns == all_columns) {
        return own;
    }
    memset(copy, 0, all_rows * all_columns * sizeof *copy);
    for (size_t r = 0; r < rows; r++) {
        memcpy(copy + r * all_columns, own.x + r * own.ld, columns * sizeof *copy);
    }
    return (part){copy, all_columns};
}

/* block[i][j] is the pair of rows 2 i and 2 i + 1 in column j. */
static inline void pair_rows(part p, uint32_t block[PAIRS][TILE])
{
    for (size_t i = 0; i < PAIRS; i++, p.x += 2 * p.ld) {
        for (size_t j = 0; j < TILE; j += VECTOR) {
            const words low = rounded(load_vector(p.x + j)) >> 16;
            const words pairs = low | (rounded(load_vector(p.x + p.ld + j)) & 0xffff0000);
            memcpy(&block[i][j], &pairs, sizeof pairs);
        }
    }
}

/* block[i][j] is pair j of row i. */
static inline void pair_columns(part p, uint32_t block[TILE][PAIRS])
{
    for (size_t i = 0; i < TILE; i++, p.x += p.ld) {
        uint16_t row[DEPTH];
        for (size_t j = 0; j < DEPTH; j++) {
            row[j] = bf16_of(p.x[j]);
        }
        memcpy(block[i], row, sizeof row);
    }
}

static inline void load_words(const uint32_t *from, quad *to)
{
    memcpy(to, from, sizeof *to);
}

/* Transpose the block to rows that are ld apart. */
static inline void transpose_block(uint32_t block[TILE][TILE], uint32_t *out, size_t ld)
{
    for (size_t i = 0; i < TILE; i += 4) {
        for (size_t j = 0; j < TILE; j += 4) {
            quad four[4];
            for (size_t k = 0; k < 4; k++) {
                load_words(&block[i + k][j], &four[k]);
            }
            transpose_4x4(four);
            for (size_t k = 0; k < 4; k++) {
                memcpy(out + (j + k) * ld + i, &four[k], sizeof four[k]);
            }
        }
    }
}

static void columns(size_t k, size_t m, const float *x, size_t ld, uint16_t *out, size_t ld_out)
{
    float copy[DEPTH * TILE];
    uint32_t block[PAIRS][TILE], turned[TILE][PAIRS];
    for (size_t from = 0; from < k; from += DEPTH) {
        for (size_t at = 0; at < m; at += TILE) {
            const size_t rows = min(m - at, TILE);
            const part own = {x + from * ld + at, ld};
            pair_rows(whole_part(min(k - from, DEPTH), rows, DEPTH, TILE, own, copy), block);
            transpose_block(block, turned[0], PAIRS);
            for (size_t i = 0; i < rows; i++) {
                memcpy(out + (at + i) * ld_out + from, turned[i], sizeof turned[i]);
            }
        }
    }
}

/* Where the tile of a packed matrix is. */
static uint32_t *tile_of(uint16_t *packed, size_t k, size_t input, size_t output)
{
    return (uint32_t *)(void *)(packed + output * bsm_whole_tiles(k, DEPTH) + input * TILE);
}

static void matrix(size_t k, size_t n, const float *x, size_t ld, uint16_t *packed)
{
    float copy[DEPTH * TILE];
    uint32_t block[PAIRS][TILE];
    for (size_t from = 0; from < k; from += DEPTH) {
        for (size_t at = 0; at < n; at += TILE) {
            const part own = {x + from * ld + at, ld};
            pair_rows(whole_part(min(k - from, DEPTH), min(n - at, TILE), DEPTH, TILE, own, copy),
                      block);
            memcpy(tile_of(packed, k, from, at), block, sizeof block);
        }
    }
}

static void transposed(size_t k, size_t n, const float *x, size_t ld, uint16_t *packed)
{
    float copy[TILE * DEPTH];
    uint32_t block[TILE][PAIRS];
    for (size_t at = 0; at < n; at += TILE) {
        for (size_t from = 0; from < k; from += DEPTH) {
            const part own = {x + at * ld + from, ld};
            pair_columns(
                whole_part(min(n - at, TILE), min(k - from, DEPTH), TILE, DEPTH, own, copy), block);
            transpose_block(block, tile_of(packed, k, from, at), TILE);
        }
    }
}

const bsm_pack_kernels BSM_KERNELS_PACK = {
    .columns = columns, .matrix = matrix, .transposed = transposed};
