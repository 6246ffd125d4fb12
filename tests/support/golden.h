/* SPDX-License-Identifier: ISC */
/** Golden data for any test: tensors of a safetensors file in tests/data, and how far a result is
 *  from them. If a file or tensor does not exist, the test that needs it fails. */
#ifndef BSM_TESTS_GOLDEN_H
#define BSM_TESTS_GOLDEN_H

#include <stddef.h>

typedef struct golden golden;

typedef struct golden_tensor {
    size_t rank;
    size_t shape[8];
    size_t count;
    const float *data;
} golden_tensor;

/** Open $BSM_TEST_DATA/NAME. */
golden *golden_open(const char *name);

/** Open a safetensors file anywhere. */
golden *golden_open_path(const char *path);

void golden_close(golden *file);

/** Return a float32 tensor, which lives until golden_close. */
golden_tensor golden_find(const golden *file, const char *name);

/** Return text from the metadata; NULL if there is none. */
const char *golden_metadata(const golden *file, const char *key);

/** Return norm(actual - expected) / norm(expected), in float64; infinite if anything is not
 *  finite. */
double golden_relative_error(const float *actual, const float *expected, size_t count);

/** Return the path of a file in $BSM_TEST_DATA. The caller frees it. */
char *golden_path(const char *name);

/** Return the path of a PyTorch checkpoint that the build made from tests/data/checkpoints
 *  (tiny.ckpt, tiny-wrapped.pt, tiny-half.pth, odd-tensors.pt). The caller frees it. */
char *golden_checkpoint(const char *name);

#endif
