/* SPDX-License-Identifier: ISC */
/** Runs something while every allocation fails in turn: the result must be an error, without leak
 *  or crash. */
#ifndef BSM_TESTS_EXHAUST_H
#define BSM_TESTS_EXHAUST_H

#include "bsm/status.h"
#include "failing_memory.h"

/** Something that needs memory, on one thread. */
typedef bsm_status exercise(void *user, bsm_error *error);

/** Run it with 0, 1, 2, ... successful allocations until it needs no more; return how many it took.
 *  Fails the test if blocks leak, or if an error is not BSM_NO_MEMORY with a message that says
 *  so. */
long exhaust(exercise *run, void *user, memory_callers callers);

#endif
