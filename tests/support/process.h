/* SPDX-License-Identifier: ISC */
/** What the system reports about this process. */
#ifndef BSM_TESTS_PROCESS_H
#define BSM_TESTS_PROCESS_H

#include <stddef.h>

/** Return the seconds of processor time that all threads of this process have used. */
double process_seconds(void);

/** Return the number of threads, including those that were joined just now and have not quite
 *  ended. */
size_t process_threads(void);

/** Sleep for this time. */
void pass_seconds(double seconds);

#endif
