/* SPDX-License-Identifier: ISC */
/** Clock and median for bsm-bench. */
#ifndef BSM_STANDALONE_BENCH_UTIL_H
#define BSM_STANDALONE_BENCH_UTIL_H

#include <stddef.h>

/** Seconds on a clock that only goes forward. */
double bench_now(void);

/** Sorts `values`, so that the smallest is first, and returns the middle one. */
double bench_median(double *values, size_t count);

#endif
