/* SPDX-License-Identifier: ISC */
/** Memory that runs out when a test requests it: replaces malloc and its relatives in the whole
 *  process. Compile it into a test with -fno-builtin and without the sanitizers, which need their
 *  own malloc. */
#ifndef BSM_TESTS_FAILING_MEMORY_H
#define BSM_TESTS_FAILING_MEMORY_H

#include <stdbool.h>

typedef enum memory_callers {
    MEMORY_OF_ENGINE,   /**< calls from the executable, which contains the engine */
    MEMORY_OF_EVERYONE, /**< calls from libraries, too */
} memory_callers;

/** Let the next `allocations` of these callers succeed, and none after them; below 0: let all
 *  succeed. */
void memory_limit(long allocations, memory_callers callers);

/** Return whether the limit has been reached. */
bool memory_ran_out(void);

/** Return the number of blocks of all callers that have not been freed. */
long memory_alive(void);

#endif
