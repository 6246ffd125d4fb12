/* SPDX-License-Identifier: ISC */
/* Signals that arrive while the network computes must not corrupt it. (oneDNN's products point the
 * stack pointer into the heap, where the kernel would write a signal's frame over other data.) */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "blocks.h"

static volatile sig_atomic_t signals;

static void count(int number)
{
    (void)number;
    signals++;
}

/* Send a signal every half millisecond, on the ordinary stack. */
static void set_timer(suseconds_t interval)
{
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, interval}, {0, interval}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void test_signals_while_computing(void **unused)
{
    (void)unused;
    enum { FRAMES = 130 };
    bsm_model *model = open_preset("lite");
    const bsm_config *config = bsm_model_config(model);
    size_t bytes = config->channels * covered(config, FRAMES) * sizeof(float);
    float *samples = noise_samples(config, FRAMES, 1);
    float *quiet = new_samples(config, FRAMES), *disturbed = new_samples(config, FRAMES);
    for (size_t threads = 1; threads <= 2; threads++) {
        bsm_network *network = open_network(model, BSM_DEVICE_CPU, threads, FRAMES);
        run_window(network, samples, FRAMES, quiet);
        signals = 0;
        set_timer(500);
        run_window(network, samples, FRAMES, disturbed);
        set_timer(0);
        assert_true(signals > 0);
        assert_memory_equal(disturbed, quiet, bytes);
        bsm_network_free(network); /* the heap must still be intact */
    }
    free(samples);
    free(quiet);
    free(disturbed);
    bsm_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_signals_while_computing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
