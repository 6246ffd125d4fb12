/* SPDX-License-Identifier: ISC */
/* Runs something while every allocation fails in turn. */
#include "exhaust.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

long exhaust(exercise *run, void *user, memory_callers callers)
{
    bsm_error error;
    /* so that everything that is made once and kept exists */
    assert_int_equal(run(user, &error), BSM_OK);
    for (long limit = 0;; limit++) {
        const long before = memory_alive();
        error.message[0] = '\0';
        memory_limit(limit, callers);
        const bsm_status status = run(user, &error);
        const bool ran_out = memory_ran_out();
        memory_limit(-1, callers);
        const long leaked = memory_alive() - before;
        if (leaked) {
            fail_msg("%ld allocations: %ld blocks leak after \"%s\"", limit, leaked, error.message);
        }
        if (status == BSM_OK && !ran_out) {
            return limit;
        }
        if (status != BSM_OK) {
            assert_int_equal(status, BSM_NO_MEMORY);
            assert_true(strstr(error.message, "out of memory") ||
                        strstr(error.message, strerror(ENOMEM)));
        }
    }
}
