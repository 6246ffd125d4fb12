/* SPDX-License-Identifier: ISC */
/** A kernel that breaks the GPU for this process. */
#ifndef BSM_TESTS_GPU_BREAK_GPU_H
#define BSM_TESTS_GPU_BREAK_GPU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Queue a kernel, independent of all others, that traps after this time: what runs then ends, and
 *  every later call of the GPU fails. Return 0, or CUDA's error code if that is impossible. */
int break_gpu(uint64_t microseconds);

#ifdef __cplusplus
}
#endif

#endif
