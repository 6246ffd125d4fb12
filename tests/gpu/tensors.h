/* SPDX-License-Identifier: ISC */
/** Tensors of tests/data without a JSON library: just enough of safetensors for files that this
 *  repository holds itself. */
#ifndef BSM_TESTS_GPU_TENSORS_H
#define BSM_TESTS_GPU_TENSORS_H

#include <stddef.h>

typedef struct tensors tensors;

/** NULL, after a line, if $BSM_TEST_DATA/NAME cannot be read. */
tensors *tensors_open(const char *name);
void tensors_close(tensors *file);

/** A float32 tensor's numbers and shape (up to 4, the rest 1); NULL if it is not there. */
const float *tensors_find(const tensors *file, const char *name, size_t shape[4]);

/** A number among the metadata; 0 if it is not there. */
size_t tensors_number(const tensors *file, const char *key);

#endif
