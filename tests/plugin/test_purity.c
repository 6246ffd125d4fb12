/* SPDX-License-Identifier: ISC */
/* Inside the plugins' run() nothing may allocate, lock, wait, read or write, whatever the host
 * requests meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "noise.h"
#include "purity.h"

static void test_this_test_sees_calls(void **state)
{
    (void)state;
    assert_int_equal(purity_self_test(), 4);
}

/* Load good and bad models, and change look-ahead, device and bypass. */
static void run_purely(const LilvPlugin *plugin)
{
    instance *i = fixture_instance(plugin, 48000, HOST_THREADED);
    uint64_t seed = 4;
    for (size_t b = 0; b < 1500; b++) {
        if (b % 100 == 50) {
            instance_set_model(i, b % 300 == 50    ? fixture_identity()
                                  : b % 300 == 150 ? fixture_path("absent")
                                                   : fixture_other());
        }
        *instance_control(i, BSM_PORT_LOOKAHEAD) = (float)(b / 400 % 3);
        *instance_control(i, BSM_PORT_DEVICE) = (float)(b / 700 % 3);
        *instance_control(i, BSM_PORT_ENABLED) = (float)(b / 60 % 2);
        *instance_control(i, BSM_PORT_VOCALS_GAIN) = (float)(b / 30 % 60) - 50;
        size_t frames = noise_size(&seed, 1, b % 50 ? 512 : 8192);
        noise_fill(&seed, instance_audio(i, BSM_PORT_IN_LEFT), frames);
        if (b % 77 == 0) {
            instance_get_all(i);
        }
        instance_run(i, frames);
        usleep((useconds_t)(frames * 1000000 / 48000 / 2));
    }
    instance_close(i);
}

static void test_run_only_copies(void **state)
{
    host_before_run = purity_enter;
    host_after_run = purity_leave;
    run_purely(fixture_host(state)->remix);
    run_purely(fixture_host(state)->stems);
    host_before_run = host_after_run = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_test_sees_calls),
        cmocka_unit_test(test_run_only_copies),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
