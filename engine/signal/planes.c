/* SPDX-License-Identifier: ISC */
/* A block of samples, a plane per channel, in one allocation. */
#include "signal/planes.h"

#include <stdlib.h>

float **bsm_planes_new(size_t channels, size_t samples)
{
    size_t pointers, data_bytes, bytes;
    if (__builtin_mul_overflow(channels, sizeof(float *), &pointers) ||
        __builtin_mul_overflow(samples, channels * sizeof(float), &data_bytes) ||
        __builtin_add_overflow(pointers, data_bytes, &bytes)) {
        return NULL;
    }
    float **planes = calloc(1, bytes);
    if (planes) {
        float *data = (float *)(planes + channels);
        for (size_t c = 0; c < channels; c++) {
            planes[c] = data + c * samples;
        }
    }
    return planes;
}

void bsm_planes_at(float *const *planes, size_t channels, size_t offset, float **at)
{
    for (size_t c = 0; c < channels; c++) {
        at[c] = planes[c] + offset;
    }
}
