/* SPDX-License-Identifier: ISC */
/** Clock, median and memory for bsm-bench. */
#ifndef BSM_STANDALONE_BENCH_UTIL_H
#define BSM_STANDALONE_BENCH_UTIL_H

#include <stddef.h>

/** Seconds on a clock that only goes forward. */
double bench_now(void);

/** Sorts `values`, so that the smallest is first, and returns the middle one. */
double bench_median(double *values, size_t count);

/** Bytes of memory that the process uses, and used at most since the last reset. 0 where the system
 *  does not say (it is not Linux). */
double bench_memory(void);
double bench_peak_memory(void);
void bench_reset_peak_memory(void);

#endif
