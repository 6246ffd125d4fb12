/* SPDX-License-Identifier: ISC */
/* The engine's messages reach the log of the host, through an instance that still exists, and never
 * from run(). If no CUDA module is installed, the one that is found here is not a valid module,
 * which the engine reports once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static void test_a_refused_device_is_logged(void **state)
{
    char text[HOST_TEXT];
    const host *h = fixture_host(state);
    instance *i = fixture_instance(h->remix, 48000, HOST_THREADED);
    /* the newest instance, but it is closed */
    instance *closed = fixture_instance(h->stems, 48000, HOST_THREADED);
    instance_close(closed);
    instance_read_log(i, text);
    assert_string_equal(text, "");
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    if (!strstr(instance_told_status(i), " on cpu")) { /* an installed module is preferred */
        instance_close(i);
        skip();
    }
    instance_read_log(i, text);
    print_message("%s", text);
    assert_non_null(strstr(text, "bsm: cuda: "));
    assert_non_null(strstr(text, "; computing on the CPU\n"));
    assert_int_equal(instance_strange_lines(i), 0);
    instance_close(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_refused_device_is_logged)};
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
