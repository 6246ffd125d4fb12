/* SPDX-License-Identifier: ISC */
/* Tests many instances at once, and many one after another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "noise.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void test_many_play_together(void **state)
{
    enum { INSTANCES = 64 };
    const host *h = fixture_host(state);
    instance *all[INSTANCES];
    setenv("BSM_MODEL", fixture_identity(), 1);
    for (size_t k = 0; k < INSTANCES; k++) {
        all[k] = fixture_instance(k % 2 ? h->stems : h->remix, 48000, HOST_THREADED);
    }
    for (size_t k = 0; k < INSTANCES; k++) {
        fixture_run_until(all[k], "ready: identity.safetensors");
    }
    unsetenv("BSM_MODEL");
    uint64_t seed = 1;
    for (size_t b = 0; b < 200; b++) {
        for (size_t k = 0; k < INSTANCES; k++) {
            noise_fill(&seed, instance_audio(all[k], BSM_PORT_IN_LEFT), 256);
            instance_run(all[k], 256);
        }
        usleep(2000);
    }
    for (size_t k = 0; k < INSTANCES; k++) {
        instance_close(all[k]);
    }
}

/* Instances are opened, loaded, played and closed at all stages. A longer test:
 * test_plugin_instances ROUNDS. */
static size_t rounds = 100;

static void test_many_come_and_go(void **state)
{
    const host *h = fixture_host(state);
    double start = now();
    for (size_t r = 0; r < rounds; r++) {
        instance *i = fixture_instance(r % 2 ? h->stems : h->remix, 48000,
                                       r % 3 ? HOST_SYNCHRONOUS : HOST_THREADED);
        *instance_control(i, BSM_PORT_LOOKAHEAD) = (float)(r % 3);
        instance_set_model(i, r % 5 ? fixture_identity() : fixture_path("absent"));
        for (size_t b = 0; b < r % 7; b++) {
            instance_run(i, 512);
        }
        instance_close(i);
    }
    print_message("%zu rounds in %.1f s\n", rounds, now() - start);
}

static void test_instantiate_is_quick(void **state)
{
    setenv("BSM_MODEL", fixture_identity(), 1);
    double start = now();
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_THREADED);
    double opened = now();
    print_message("instantiate: %.1f ms\n", 1e3 * (opened - start));
    assert_true(opened - start < 0.5);
    instance_close(i);
    unsetenv("BSM_MODEL");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void time_runs(const LilvPlugin *plugin)
{
    enum { RUNS = 4000, FRAMES = 64 };
    static double times[RUNS];
    instance *i = fixture_instance(plugin, 48000, HOST_THREADED);
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    uint64_t seed = 1;
    for (size_t r = 0; r < RUNS; r++) {
        noise_fill(&seed, instance_audio(i, BSM_PORT_IN_LEFT), FRAMES);
        double start = now();
        lilv_instance_run(instance_lilv(i), FRAMES);
        times[r] = now() - start;
        usleep(100);
    }
    qsort(times, RUNS, sizeof *times, ascending);
    print_message("run() of %d frames: median %.1f us, 99%% %.1f us\n", FRAMES,
                  1e6 * times[RUNS / 2], 1e6 * times[RUNS * 99 / 100]);
    assert_true(fixture_quick() || times[RUNS / 2] < 50e-6);
    instance_close(i);
}

/* The goal is 10 us on an idle machine; the limit of the test allows for a busy one. */
static void test_run_is_quick(void **state)
{
    time_runs(fixture_host(state)->remix);
    time_runs(fixture_host(state)->stems);
}

static void test_odd_rates_are_refused(void **state)
{
    static const double rates[] = {0, -1, 7999, 44100.5, 192001, 1e18};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        assert_null(instance_open(fixture_host(state)->remix, rates[r], HOST_THREADED));
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        rounds = strtoul(argv[1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_play_together),    cmocka_unit_test(test_many_come_and_go),
        cmocka_unit_test(test_instantiate_is_quick),  cmocka_unit_test(test_run_is_quick),
        cmocka_unit_test(test_odd_rates_are_refused),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
