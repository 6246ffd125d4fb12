/* SPDX-License-Identifier: ISC */
/** The weights of linear layers, in float32 or in int8, and products with them.
 *
 *  In int8 a weight is an integer times its output's scale, rounded once when the matrix is made;
 *  the rows that are multiplied are rounded as they come, each with a scale of its own. Sums are
 *  exact, and what comes out is float32. */
#ifndef BSM_CPU_MATRIX_H
#define BSM_CPU_MATRIX_H

#include "device/carve.h"
#include "device/cpu/kernels.h"
#include "device/cpu/kernels_int8.h"

/** Inputs from which int8 pays: rounding a row and scaling the sums cost as much as a product of
 *  few inputs. */
enum { BSM_INT8_MIN_INPUTS = 32 };

typedef struct bsm_cpu_matrix {
    size_t in, out;
    const float *values;     /**< [in][out], which products take without packing; NULL in int8 */
    const int8_t *quantised; /**< [out][in]; NULL in float32 */
    const float *scale;      /**< [out], of the integers */
    const int32_t *offset;   /**< [out] what BSM_INT8_ZERO in every input adds to a sum */
} bsm_cpu_matrix;

/** Where the weight from input i to output o lies: values[i * in_step + o * out_step]. */
typedef struct bsm_matrix_source {
    const float *values;
    size_t in, out;
    size_t in_step, out_step;
} bsm_matrix_source;

/** Pack into carved memory; in int8 where that is asked for and pays. */
bsm_cpu_matrix bsm_cpu_matrix_pack(bsm_carver *carver, const bsm_matrix_source *source, bool int8);

/** The memory of one thread for products in int8. */
typedef struct bsm_int8_space {
    uint8_t *rows;    /**< [chunk][most inputs] */
    float *row_scale; /**< [chunk] */
    int32_t *sums;    /**< [chunk][outputs at a time] */
} bsm_int8_space;

bsm_int8_space bsm_int8_space_carve(bsm_carver *carver, size_t most_inputs);

/** y = x W + beta y for up to BSM_CHUNK rows; those of x are w->in apart, those of y ld. */
void bsm_cpu_multiply(const bsm_kernels *kernels, const bsm_int8_space *space, size_t rows,
                      const float *x, const bsm_cpu_matrix *w, float beta, float *y, size_t ld);

/** [rows][columns] to [columns][rows] */
void bsm_cpu_transpose(size_t rows, size_t columns, const float *matrix, float *out);

#endif
