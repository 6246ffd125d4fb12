/* SPDX-License-Identifier: ISC */
/** What makes the rows and packed matrices of a scan in bfloat16 (packed.h). Like kernels.c,
 *  compiled once per instruction set. */
#ifndef BSM_CPU_KERNELS_SCAN_H
#define BSM_CPU_KERNELS_SCAN_H

#include <stddef.h>
#include <stdint.h>

typedef struct bsm_scan_kernels {
    /** masked_scores of kernels.h, rounded; rows of M are ld apart, and zeros fill them up to whole
     *  tiles of `rows` inputs. */
    void (*masked_scores)(size_t rows, const float *G, const float *dt, const double *cum, float D,
                          uint16_t *M, size_t ld);

    /** out[r] = factor[r] x[r], rounded; n is a whole number of 16. factor: NULL for 1 */
    void (*scale_rows)(size_t rows, size_t n, const float *x, size_t ld, const float *factor,
                       uint16_t *out, size_t ld_out);

    /** Pack factor[r] x[r] as inputs, n a whole number of 16 outputs; zeros fill them up to whole
     *  tiles. factor: NULL for 1. The packed matrix has `depth` inputs, and these begin at `out`.
     */
    void (*pack)(size_t rows, size_t n, const float *x, size_t ld, const float *factor,
                 uint16_t *out, size_t depth);

    /** The same with no factor, and then S *= factor. */
    void (*pack_state)(size_t rows, size_t n, float *S, size_t ld, float factor, uint16_t *out,
                       size_t depth);
} bsm_scan_kernels;

#endif
