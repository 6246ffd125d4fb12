/* SPDX-License-Identifier: ISC */
/** Divides one block of memory into parts that are aligned for vectors. The same code runs twice:
 *  without a block, when the parts are NULL, to find the size, and then with one. */
#ifndef BSM_CARVE_H
#define BSM_CARVE_H

#include <stddef.h>

enum { BSM_CARVE_ALIGNMENT = 64 };

typedef struct bsm_carver {
    unsigned char *block; /**< aligned; NULL: only count bytes */
    size_t used;          /**< bytes */
} bsm_carver;

static inline void *bsm_carve(bsm_carver *carver, size_t bytes)
{
    void *part = carver->block ? carver->block + carver->used : NULL;
    carver->used += (bytes + BSM_CARVE_ALIGNMENT - 1) / BSM_CARVE_ALIGNMENT * BSM_CARVE_ALIGNMENT;
    return part;
}

static inline float *bsm_carve_floats(bsm_carver *carver, size_t count)
{
    return bsm_carve(carver, count * sizeof(float));
}

#endif
