/* SPDX-License-Identifier: ISC */
/** What the system says about this process. */
#ifndef BSM_TESTS_PROCESS_H
#define BSM_TESTS_PROCESS_H

#include <stddef.h>

/** Seconds of processor time that all its threads have taken. */
double process_seconds(void);

/** Threads that it has, with those that have just been joined and are not quite gone. */
size_t process_threads(void);

/** Sleep. */
void pass_seconds(double seconds);

#endif
