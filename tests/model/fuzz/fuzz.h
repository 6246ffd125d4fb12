/* SPDX-License-Identifier: ISC */
/** The interface of a fuzz target: the function that libFuzzer calls, and that the replay calls
 *  with the corpus. */
#ifndef BSM_TESTS_MODEL_FUZZ_H
#define BSM_TESTS_MODEL_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Return a copy that ends where its memory ends, so that ASan notices any read beyond it. */
void *exact_copy(const uint8_t *data, size_t size);

#endif
