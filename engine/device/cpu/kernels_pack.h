/* SPDX-License-Identifier: ISC */
/** What rounds both sides of a product in bfloat16 (packed.h) that neither lies ready, which is so
 *  in training. Like kernels.c, compiled once per instruction set.
 *
 *  Rows of x are ld floats apart; zeros fill whole tiles up. */
#ifndef BSM_CPU_KERNELS_PACK_H
#define BSM_CPU_KERNELS_PACK_H

#include <stddef.h>
#include <stdint.h>

typedef struct bsm_pack_kernels {
    /** x^T as rows: x is k x m, out m x k with rows ld_out apart. */
    void (*columns)(size_t k, size_t m, const float *x, size_t ld, uint16_t *out, size_t ld_out);

    /** The matrix x of k inputs and n outputs, k x n, packed. */
    void (*matrix)(size_t k, size_t n, const float *x, size_t ld, uint16_t *packed);

    /** The same matrix where x is n x k. */
    void (*transposed)(size_t k, size_t n, const float *x, size_t ld, uint16_t *packed);
} bsm_pack_kernels;

#endif
