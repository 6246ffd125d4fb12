/* SPDX-License-Identifier: ISC */
/** A kernel that breaks the GPU for this process. */
#ifndef BSM_TESTS_GPU_BREAK_GPU_H
#define BSM_TESTS_GPU_BREAK_GPU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Queue a kernel beside all others that traps after so long: what runs then ends, and every call
 *  to the GPU fails from then on. 0, or what CUDA says against it. */
int break_gpu(uint64_t microseconds);

#ifdef __cplusplus
}
#endif

#endif
