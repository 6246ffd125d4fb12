/* SPDX-License-Identifier: ISC */
/* Weights of linear layers, packed and multiplied with. */
#include "device/cpu/matrix.h"

#include <math.h>
#include <string.h>

#include "device/cpu/kernels_vector.h"
#include "device/cpu/product.h"

/* Outputs of int8 products at a time: their sums and weights stay in the cache. */
enum { STRIP = 256 };

/* A row of a block is a cache line: through the block each line of both matrices is touched once,
 * and it does not matter that lines a power of two apart push each other out of the cache. */
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

/* One output's weights. Those that are not numbers leave a scale that is none. */
static float quantise_output(const bsm_matrix_source *source, size_t output, int8_t *out,
                             int32_t *offset)
{
    const float *values = source->values + output * source->out_step;
    const int limit = bsm_cpu_int8_limit();
    float most = 0;
    for (size_t i = 0; i < source->in; i++) {
        float size = fabsf(values[i * source->in_step]);
        most = size <= most ? most : size;
        if (!isfinite(size)) {
            most = NAN;
            break;
        }
    }
    float factor = most > 1e-30f ? (float)limit / most : 0;
    int32_t sum = 0;
    for (size_t i = 0; i < source->in; i++) {
        out[i] = factor == 0 ? 0 : (int8_t)lrintf(values[i * source->in_step] * factor);
        sum += out[i];
    }
    *offset = BSM_INT8_ZERO * sum;
    return most / (float)limit;
}

bsm_cpu_matrix bsm_cpu_matrix_pack(bsm_carver *carver, const bsm_matrix_source *source, bool int8)
{
    bsm_cpu_matrix m = {.in = source->in, .out = source->out};
    if (!int8 || source->in < BSM_INT8_MIN_INPUTS) {
        float *values = bsm_carve_floats(carver, source->in * source->out);
        if (values) {
            pack_values(source, values);
        }
        m.values = values;
        return m;
    }
    int8_t *quantised = bsm_carve(carver, source->in * source->out);
    float *scale = bsm_carve_floats(carver, source->out);
    int32_t *offset = bsm_carve(carver, source->out * sizeof *offset);
    for (size_t o = 0; quantised && o < source->out; o++) {
        scale[o] = quantise_output(source, o, quantised + o * source->in, offset + o);
    }
    m.quantised = quantised;
    m.scale = scale;
    m.offset = offset;
    return m;
}

bsm_int8_space bsm_int8_space_carve(bsm_carver *carver, size_t most_inputs)
{
    bsm_int8_space space;
    space.rows = bsm_carve(carver, BSM_CHUNK * most_inputs);
    space.row_scale = bsm_carve_floats(carver, BSM_CHUNK);
    space.sums = bsm_carve(carver, BSM_CHUNK * STRIP * sizeof *space.sums);
    return space;
}

static void multiply_strip(const bsm_kernels *kernels, const bsm_int8_space *space, size_t rows,
                           const bsm_cpu_matrix *w, size_t first, float beta, float *y, size_t ld)
{
    size_t n = w->out - first < STRIP ? w->out - first : STRIP;
    bsm_cpu_product_int8(kernels, &(bsm_int8_product){.m = rows,
                                                      .n = n,
                                                      .k = w->in,
                                                      .a = space->rows,
                                                      .b = w->quantised + first * w->in,
                                                      .c = space->sums,
                                                      .ldc = STRIP});
    kernels->int8->scale_sums(rows, n,
                              &(bsm_int8_sums){.sums = space->sums,
                                               .ld = STRIP,
                                               .row_scale = space->row_scale,
                                               .offset = w->offset + first,
                                               .column_scale = w->scale + first},
                              beta, y + first, ld);
}

void bsm_cpu_multiply(const bsm_kernels *kernels, const bsm_int8_space *space, size_t rows,
                      const float *x, const bsm_cpu_matrix *w, float beta, float *y, size_t ld)
{
    if (w->values) {
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
        return;
    }
    kernels->int8->quantise(rows, w->in, x, w->in, space->rows, space->row_scale);
    for (size_t first = 0; first < w->out; first += STRIP) {
        multiply_strip(kernels, space, rows, w, first, beta, y, ld);
    }
}
