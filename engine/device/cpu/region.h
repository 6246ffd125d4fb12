/* SPDX-License-Identifier: ISC */
/** Work that the team's threads share, each in the mode in which the CPU device computes. */
#ifndef BSM_CPU_REGION_H
#define BSM_CPU_REGION_H

#include <stddef.h>

/** One index. `thread` counts from 0; no two threads of a region have the same. */
typedef void bsm_cpu_task(void *job, size_t thread, size_t index);

/** Do the indices 0 to `count` - 1 on at most `threads` threads, the caller's among them. */
void bsm_cpu_run(size_t threads, size_t count, bsm_cpu_task *task, void *job);

#endif
