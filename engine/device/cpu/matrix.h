/* SPDX-License-Identifier: ISC */
/** Matrix products on one thread, and the weights of linear layers in float32, bfloat16 or int8. */
#ifndef BSM_DEVICE_CPU_MATRIX_H
#define BSM_DEVICE_CPU_MATRIX_H

#include <signal.h>

#include "bsm/device.h"
#include "device/carve.h"
#include "device/cpu/kernels.h"
#include "device/cpu/packed.h"

/* Matrix products on one thread, by oneDNN if bsm is built with it, otherwise in plain C. */

/** C = op(A) op(B) + beta C */
void bsm_cpu_product(const bsm_kernels *kernels, const bsm_product *p);

/** "oneDNN 2.6.3" or "plain C"; a static string. */
const char *bsm_cpu_product_name(void);

/** The settings that a thread changes while it computes, and restores afterwards. */
typedef struct bsm_thread_mode {
    unsigned int float_control;
    int library_threads;
    sigset_t signals;
} bsm_thread_mode;

/** Flush denormals to zero, keep a library from starting threads inside this one, and block
 *  signals: oneDNN's products use the stack pointer as a pointer into the heap, where a signal's
 *  frame would overwrite other data. Call this at the start of each thread of a parallel region,
 *  around all products. */
bsm_thread_mode bsm_cpu_enter_thread(void);
void bsm_cpu_leave_thread(bsm_thread_mode mode);

/* The weights of linear layers in float32, bfloat16 or int8, and products with them.
 *
 * In bfloat16, weights are rounded once, when the matrix is made, and the rows to be multiplied
 * are rounded for each product. In int8, a weight is an integer times its output's scale, and each
 * row has a scale of its own. Sums are float32, or exact in int8, and results are float32. */

/** A matrix with fewer inputs is not packed, because rounding a row costs as much as a product of
 *  few inputs. */
enum { BSM_PACKED_MIN_INPUTS = 32 };

typedef struct bsm_cpu_matrix {
    size_t in, out;
    const float *values;   /**< float32: [in][out], as products take it */
    const uint16_t *bf16;  /**< bfloat16: packed; otherwise NULL */
    const int8_t *int8;    /**< int8: packed; otherwise NULL */
    const float *scale;    /**< int8: [out], the scales of the integers */
    const int32_t *offset; /**< int8: [out], what BSM_INT8_ZERO in every input adds to a sum */
} bsm_cpu_matrix;

/** Pack a matrix into carved memory, in bfloat16 or int8 if `precision` asks for it and it pays. */
bsm_cpu_matrix bsm_cpu_matrix_pack(bsm_carver *carver, const bsm_matrix_source *source,
                                   bsm_precision precision);

/** One thread's memory for the rows of packed products. */
typedef struct bsm_row_space {
    void *rows;       /**< [chunk][most inputs], of either kind */
    float *row_scale; /**< [chunk] */
} bsm_row_space;

bsm_row_space bsm_row_space_carve(bsm_carver *carver, size_t most_inputs);

/** y = x W + beta y for up to BSM_CHUNK rows; rows of x are w->in apart, rows of y ld. */
void bsm_cpu_multiply(const bsm_kernels *kernels, const bsm_row_space *space, size_t rows,
                      const float *x, const bsm_cpu_matrix *w, float beta, float *y, size_t ld);

/** Transpose [rows][columns] to [columns][rows]. */
void bsm_cpu_transpose(size_t rows, size_t columns, const float *matrix, float *out);

#endif
