/* SPDX-License-Identifier: ISC */
/* Packs matrices, and computes in plain C what the processors' instructions do with them. */
#include "device/cpu/packed.h"

#include <math.h>
#include <string.h>

#include "device/cpu/bf16.h"
#include "device/cpu/packed_tile.h"

size_t bsm_bf16_packed_size(size_t k, size_t n)
{
    return bsm_whole_tiles(k, BSM_BF16_DEPTH) * bsm_whole_tiles(n, BSM_TILE);
}

size_t bsm_int8_packed_size(size_t k, size_t n)
{
    return bsm_whole_tiles(k, BSM_INT8_DEPTH) * bsm_whole_tiles(n, BSM_TILE);
}

/* The index of a weight in a packed matrix, all of whose tiles are whole. */
static size_t place(size_t k, size_t group, size_t input, size_t output)
{
    size_t depth = BSM_TILE * group, all = bsm_whole_tiles(k, depth);
    return output / BSM_TILE * all * BSM_TILE + input / group * BSM_TILE * group +
           output % BSM_TILE * group + input % group;
}

void bsm_bf16_pack(const bsm_matrix_source *source, uint16_t *packed)
{
    memset(packed, 0, bsm_bf16_packed_size(source->in, source->out) * sizeof *packed);
    for (size_t o = 0; o < source->out; o++) {
        for (size_t i = 0; i < source->in; i++) {
            packed[place(source->in, BSM_BF16_GROUP, i, o)] =
                bf16_of(source->values[i * source->in_step + o * source->out_step]);
        }
    }
}

/* The largest magnitude of an output's weights; NaN if one of them is. */
static float largest(const bsm_matrix_source *source, size_t output)
{
    const float *values = source->values + output * source->out_step;
    float most = 0;
    for (size_t i = 0; i < source->in; i++) {
        float size = fabsf(values[i * source->in_step]);
        if (!isfinite(size)) {
            return NAN;
        }
        most = size > most ? size : most;
    }
    return most;
}

void bsm_int8_pack(const bsm_matrix_source *source, int8_t *packed, float *scale, int32_t *offset)
{
    memset(packed, 0, bsm_int8_packed_size(source->in, source->out));
    for (size_t o = 0; o < source->out; o++) {
        const float *values = source->values + o * source->out_step;
        float most = largest(source, o), factor = most > 1e-30f ? BSM_INT8_MAX / most : 0;
        int32_t sum = 0;
        for (size_t i = 0; i < source->in && factor > 0; i++) {
            int8_t value = (int8_t)lrintf(values[i * source->in_step] * factor);
            packed[place(source->in, BSM_INT8_GROUP, i, o)] = value;
            sum += value;
        }
        scale[o] = most / BSM_INT8_MAX;
        offset[o] = BSM_INT8_ZERO * sum;
    }
}

/* ---- The instructions, in plain C ---- */

/* What TDPBF16PS or VDPBF16PS does for one tile: 16 rows by 16 outputs, some inputs. */
static void add_bf16_tile(size_t rows, const uint16_t *a, size_t lda, const uint16_t *b,
                          float sums[BSM_TILE][BSM_TILE])
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < BSM_BF16_DEPTH; k++) {
            const uint16_t *pairs = b + k / BSM_BF16_GROUP * BSM_TILE * BSM_BF16_GROUP;
            for (size_t j = 0; j < BSM_TILE; j++) {
                sums[i][j] += bf16_value(a[i * lda + k]) *
                              bf16_value(pairs[j * BSM_BF16_GROUP + k % BSM_BF16_GROUP]);
            }
        }
    }
}

/* The same for TDPBUSD or VPDPBUSD. */
static void add_int8_tile(size_t rows, const uint8_t *a, size_t lda, const int8_t *b,
                          int32_t sums[BSM_TILE][BSM_TILE])
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < BSM_INT8_DEPTH; k++) {
            const int8_t *fours = b + k / BSM_INT8_GROUP * BSM_TILE * BSM_INT8_GROUP;
            for (size_t j = 0; j < BSM_TILE; j++) {
                sums[i][j] += a[i * lda + k] * fours[j * BSM_INT8_GROUP + k % BSM_INT8_GROUP];
            }
        }
    }
}

static void bf16(const bsm_bf16_product *p)
{
    size_t depth = bsm_whole_tiles(p->k, BSM_BF16_DEPTH);
    for (size_t column = 0; column < p->n; column += BSM_TILE) {
        for (size_t row = 0; row < p->m; row += BSM_TILE) {
            float sums[BSM_TILE][BSM_TILE] = {{0}};
            for (size_t k = 0; k < depth; k += BSM_BF16_DEPTH) {
                add_bf16_tile(tile_end(row, p->m), p->a + row * p->lda + k, p->lda,
                              p->b + column * depth + k * BSM_TILE, sums);
            }
            finish_bf16(p, row, column, BSM_TILE, sums[0], BSM_TILE);
        }
    }
}

static void int8(const bsm_int8_product *p)
{
    size_t depth = bsm_whole_tiles(p->k, BSM_INT8_DEPTH);
    for (size_t column = 0; column < p->n; column += BSM_TILE) {
        for (size_t row = 0; row < p->m; row += BSM_TILE) {
            int32_t sums[BSM_TILE][BSM_TILE] = {{0}};
            for (size_t k = 0; k < depth; k += BSM_INT8_DEPTH) {
                add_int8_tile(tile_end(row, p->m), p->a + row * p->lda + k, p->lda,
                              p->b + column * depth + k * BSM_TILE, sums);
            }
            finish_int8(p, row, column, BSM_TILE, sums[0], BSM_TILE);
        }
    }
}

const bsm_packed_kernels bsm_packed_plain = {.name = "plain C", .bf16 = bf16, .int8 = int8};
