/* SPDX-License-Identifier: ISC */
/** Memory operations for kernels, on top of vector.h. */
#ifndef BSM_CPU_KERNELS_VECTOR_H
#define BSM_CPU_KERNELS_VECTOR_H

#include "base/vector.h"

/** Prefetch memory that will soon be read or written. If rows are far apart, the processor's own
 *  prefetcher does not foresee them, and the computation would spend most of its time waiting. */
static inline void fetch_to_read(size_t n, const float *x)
{
    for (size_t i = 0; i < n; i += 16) {
        __builtin_prefetch(x + i);
    }
}

static inline void fetch_to_write(size_t n, const float *x)
{
    for (size_t i = 0; i < n; i += 16) {
        __builtin_prefetch(x + i, 1);
    }
}

/** Transpose four values of each of four rows: out[k * ld + i] = rows[i][k]. */
static inline void transpose_quads(const float *const rows[4], float *out, size_t ld)
{
    quad values[4] = {load_quad(rows[0]), load_quad(rows[1]), load_quad(rows[2]),
                      load_quad(rows[3])};
    transpose_4x4(values);
    for (size_t k = 0; k < 4; k++) {
        store_quad(out + k * ld, values[k]);
    }
}

#endif
