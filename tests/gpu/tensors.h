/* SPDX-License-Identifier: ISC */
/** Reads tensors of tests/data without a JSON library: it knows only as much of safetensors as the
 *  files in this repository need. */
#ifndef BSM_TESTS_GPU_TENSORS_H
#define BSM_TESTS_GPU_TENSORS_H

#include <stddef.h>

typedef struct tensors tensors;

/** Open $BSM_TEST_DATA/NAME. If it cannot be read, print a line and return NULL. */
tensors *tensors_open(const char *name);
void tensors_close(tensors *file);

/** Return a float32 tensor's numbers and shape (up to 4, the rest 1); NULL if it does not exist. */
const float *tensors_find(const tensors *file, const char *name, size_t shape[4]);

/** Return a number from the metadata; 0 if it does not exist. */
size_t tensors_number(const tensors *file, const char *key);

#endif
