/* SPDX-License-Identifier: ISC */
/** Running something with every allocation failing in turn: an error, no leak, no crash. */
#ifndef BSM_TESTS_EXHAUST_H
#define BSM_TESTS_EXHAUST_H

#include "bsm/status.h"
#include "failing_memory.h"

/** Something that needs memory, on one thread. */
typedef bsm_status exercise(void *user, bsm_error *error);

/** Run it with 0, 1, 2, ... allocations that work, until all do; returns how many it took. Fails
 *  the test if blocks leak, or if an error is not BSM_NO_MEMORY and says so. */
long exhaust(exercise *run, void *user, memory_callers callers);

#endif
