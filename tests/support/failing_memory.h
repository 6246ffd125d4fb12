/* SPDX-License-Identifier: ISC */
/** Memory that runs out when a test says so: malloc and its kin, in place of the C library's in the
 *  whole process. To be compiled into a test with -fno-builtin, and not with the sanitizers, which
 *  need malloc for themselves. */
#ifndef BSM_TESTS_FAILING_MEMORY_H
#define BSM_TESTS_FAILING_MEMORY_H

#include <stdbool.h>

typedef enum memory_callers {
    MEMORY_OF_ENGINE,   /**< calls from the executable, which the engine is a part of */
    MEMORY_OF_EVERYONE, /**< calls from libraries, too */
} memory_callers;

/** Let the next `allocations` of these callers succeed, and none after them; below 0: let all. */
void memory_limit(long allocations, memory_callers callers);

/** Whether the limit has been reached. */
bool memory_ran_out(void);

/** Blocks of all callers that have not been freed. */
long memory_alive(void);

#endif
