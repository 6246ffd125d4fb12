/* SPDX-License-Identifier: ISC */
/** What makes the rows of packed products (packed.h). Like kernels.c, compiled once per instruction
 *  set. */
#ifndef BSM_CPU_KERNELS_ROWS_H
#define BSM_CPU_KERNELS_ROWS_H

#include <stddef.h>
#include <stdint.h>

/** Rows of x are ld apart, those of what comes out ld_out; zeros fill it up to whole tiles. */
typedef struct bsm_row_kernels {
    /** out[r] = x[r], rounded */
    void (*to_bf16)(size_t rows, size_t n, const float *x, size_t ld, uint16_t *out, size_t ld_out);

    /** q[r] = round(x[r] / scale[r]) + BSM_INT8_ZERO with scale[r] = max |x[r]| / BSM_INT8_MAX.
     *  A scale that is not finite says that a value was not. */
    void (*to_int8)(size_t rows, size_t n, const float *x, size_t ld, uint8_t *q, size_t ld_out,
                    float *scale);
} bsm_row_kernels;

#endif
