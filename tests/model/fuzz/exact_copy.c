/* SPDX-License-Identifier: ISC */
/* Makes a copy whose end ASan watches. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

void *exact_copy(const uint8_t *data, size_t size)
{
    void *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    if (size) {
        memcpy(copy, data, size);
    }
    return copy;
}
