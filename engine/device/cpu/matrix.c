/* SPDX-License-Identifier: ISC */
/* Packs the weights of linear layers and multiplies with them. */
#include "device/cpu/matrix.h"

#include <string.h>

#include "device/cpu/kernels.h"
#include "device/cpu/kernels_vector.h"

/* A row of a block is a cache line. Working by blocks touches each line of both matrices once, so
 * it does not matter that lines at distances of a power of two evict each other from the cache. */
enum { BLOCK = 16 };

static void transpose_block(size_t rows, size_t columns, const float *matrix, float *out)
{
    for (size_t r = 0; r < BLOCK; r += 4) {
        for (size_t c = 0; c < BLOCK; c += 4) {
            const float *from = matrix + r * columns + c;
            const float *const four[4] = {from, from + columns, from + 2 * columns,
                                          from + 3 * columns};
            transpose_quads(four, out + c * rows + r, rows);
        }
    }
}

void bsm_cpu_transpose(size_t rows, size_t columns, const float *matrix, float *out)
{
    const size_t whole_rows = rows / BLOCK * BLOCK, whole_columns = columns / BLOCK * BLOCK;
    for (size_t r = 0; r < whole_rows; r += BLOCK) {
        for (size_t c = 0; c < whole_columns; c += BLOCK) {
            transpose_block(rows, columns, matrix + r * columns + c, out + c * rows + r);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = r < whole_rows ? whole_columns : 0; c < columns; c++) {
            out[c * rows + r] = matrix[r * columns + c];
        }
    }
}

static void pack_values(const bsm_matrix_source *source, float *out)
{
    if (source->out_step == 1) {
        memcpy(out, source->values, source->in * source->out * sizeof *out);
    } else {
        bsm_cpu_transpose(source->out, source->in, source->values, out);
    }
}

static void pack_float32(bsm_carver *carver, const bsm_matrix_source *source, bsm_cpu_matrix *m)
{
    float *values = bsm_carve_floats(carver, source->in * source->out);
    if (values) {
        pack_values(source, values);
    }
    m->values = values;
}

static void pack_bf16(bsm_carver *carver, const bsm_matrix_source *source, bsm_cpu_matrix *m)
{
    size_t size = bsm_bf16_packed_size(source->in, source->out);
    uint16_t *packed = bsm_carve(carver, size * sizeof *packed);
    if (packed) {
        bsm_bf16_pack(source, packed);
    }
    m->bf16 = packed;
}

static void pack_int8(bsm_carver *carver, const bsm_matrix_source *source, bsm_cpu_matrix *m)
{
    int8_t *packed = bsm_carve(carver, bsm_int8_packed_size(source->in, source->out));
    float *scale = bsm_carve_floats(carver, source->out);
    int32_t *offset = bsm_carve(carver, source->out * sizeof *offset);
    if (packed) {
        bsm_int8_pack(source, packed, scale, offset);
    }
    m->int8 = packed;
    m->scale = scale;
    m->offset = offset;
}

bsm_cpu_matrix bsm_cpu_matrix_pack(bsm_carver *carver, const bsm_matrix_source *source,
                                   bsm_precision precision)
{
    bsm_cpu_matrix m = {.in = source->in, .out = source->out};
    if (source->in >= BSM_PACKED_MIN_INPUTS && precision == BSM_PRECISION_BFLOAT16) {
        pack_bf16(carver, source, &m);
    } else if (source->in >= BSM_PACKED_MIN_INPUTS && precision == BSM_PRECISION_INT8) {
        pack_int8(carver, source, &m);
    } else {
        pack_float32(carver, source, &m);
    }
    return m;
}

/* The distance from row to row: at a multiple of 4 KB all rows would share a few sets of the
 * cache. */
static size_t bf16_ld(size_t n)
{
    return bsm_whole_tiles(n, BSM_BF16_DEPTH) + BSM_BF16_DEPTH;
}

static size_t int8_ld(size_t n)
{
    return bsm_whole_tiles(n, BSM_INT8_DEPTH) + BSM_INT8_DEPTH;
}

bsm_row_space bsm_row_space_carve(bsm_carver *carver, size_t most_inputs)
{
    bsm_row_space space;
    space.rows = bsm_carve(carver, BSM_CHUNK * bf16_ld(most_inputs) * sizeof(uint16_t));
    space.row_scale = bsm_carve_floats(carver, BSM_CHUNK);
    return space;
}

static void multiply_bf16(const bsm_kernels *kernels, const bsm_row_space *space, size_t rows,
                          const float *x, const bsm_cpu_matrix *w, float beta, float *y, size_t ld)
{
    size_t lda = bf16_ld(w->in);
    kernels->rows->to_bf16(rows, w->in, x, w->in, space->rows, lda);
    bsm_packed_bf16()->bf16(&(bsm_bf16_product){.m = rows,
                                                .n = w->out,
                                                .k = w->in,
                                                .a = space->rows,
                                                .lda = lda,
                                                .b = w->bf16,
                                                .beta = beta,
                                                .c = y,
                                                .ldc = ld});
}

static void multiply_int8(const bsm_kernels *kernels, const bsm_row_space *space, size_t rows,
                          const float *x, const bsm_cpu_matrix *w, float beta, float *y, size_t ld)
{
    size_t lda = int8_ld(w->in);
    kernels->rows->to_int8(rows, w->in, x, w->in, space->rows, lda, space->row_scale);
    bsm_packed_int8()->int8(&(bsm_int8_product){.m = rows,
                                                .n = w->out,
                                                .k = w->in,
                                                .a = space->rows,
                                                .lda = lda,
                                                .b = w->int8,
                                                .row_scale = space->row_scale,
                                                .offset = w->offset,
                                                .column_scale = w->scale,
                                                .beta = beta,
                                                .c = y,
                                                .ldc = ld});
}

void bsm_cpu_multiply(const bsm_kernels *kernels, const bsm_row_space *space, size_t rows,
                      const float *x, const bsm_cpu_matrix *w, float beta, float *y, size_t ld)
{
    if (w->bf16) {
        multiply_bf16(kernels, space, rows, x, w, beta, y, ld);
        return;
    }
    if (w->int8) {
        multiply_int8(kernels, space, rows, x, w, beta, y, ld);
        return;
    }
    bsm_cpu_product(kernels, &(bsm_product){.m = rows,
                                            .n = w->out,
                                            .k = w->in,
                                            .a = x,
                                            .lda = w->in,
                                            .b = w->values,
                                            .ldb = w->out,
                                            .beta = beta,
                                            .c = y,
                                            .ldc = ld});
}
