/* SPDX-License-Identifier: ISC */
/* Tests the plugins on a real GPU: if they are told to use it, they do, and in time. All music
 * becomes vocals there, too, and nothing of it is lost. The test is skipped if there is no GPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

/* At the model's rate nothing is above the frequencies that the model sees. */
enum { RATE = 44100, BLOCK = 512, BLOCKS = 8 * RATE / BLOCK, TEST_SKIPPED = 77 };

static const float LOST = 1e-6f, SILENT = 1e-3f; /* relative to full scale */

static bool refused;

/* Open an instance; skips the test if there is no GPU or no CUDA module. */
static instance *open_on_the_gpu(const LilvPlugin *plugin)
{
    instance *i = fixture_instance(plugin, RATE, HOST_THREADED);
    *instance_control(i, BSM_PORT_DEVICE) = BSM_CHOICE_CUDA;
    instance_set_model(i, fixture_identity());
    while (strncmp(instance_told_status(i), "ready: ", 7) != 0) {
        if (!strncmp(instance_told_status(i), "failed: ", 8)) {
            print_message("%s\n", instance_told_status(i));
            refused = strstr(instance_told_status(i), "no GPU") ||
                      strstr(instance_told_status(i), "not installed");
            assert_true(refused);
            instance_close(i);
            skip();
        }
        instance_run(i, BLOCK);
        usleep(1000);
    }
    print_message("%s\n", instance_told_status(i));
    return i;
}

/* Play in a freewheeling host, which waits for late results, or in real time. */
static void play(instance *i, bool stems, bool freewheel)
{
    const useconds_t block = freewheel ? 0 : 1000000 / (RATE / BLOCK);
    uint64_t seed = 7;
    delay_line line;
    delay_line_init(&line);
    lilv_instance_deactivate(instance_lilv(i));
    lilv_instance_activate(instance_lilv(i));
    *instance_control(i, BSM_PORT_FREEWHEEL) = freewheel;
    for (size_t b = 0; b < BLOCKS; b++) {
        delay_line_feed(&line, i, &seed, BLOCK);
        instance_run(i, BLOCK);
        const size_t latency = (size_t)*instance_control(i, BSM_PORT_LATENCY);
        assert_true(delay_line_compare(&line, i, stems, latency, BLOCK) < LOST);
        usleep(block);
    }
    print_message("%s: misses %g, load %g %%\n", freewheel ? "freewheeling" : "playing",
                  (double)*instance_control(i, BSM_PORT_MISSES),
                  (double)*instance_control(i, BSM_PORT_LOAD));
    assert_true(*instance_control(i, BSM_PORT_MISSES) == 0);
}

static void assert_silent(const float *samples)
{
    for (size_t n = 0; n < BLOCK; n++) {
        assert_true(samples[n] < SILENT && samples[n] > -SILENT);
    }
}

static void test_stems(void **state)
{
    instance *i = open_on_the_gpu(fixture_host(state)->stems);
    assert_non_null(strstr(instance_told_status(i), "on cuda"));
    for (int freewheel = 1; freewheel >= 0; freewheel--) {
        play(i, true, freewheel);
        assert_silent(instance_audio(i, BSM_PORT_INSTRUMENTAL_LEFT));
    }
    instance_close(i);
}

static void test_remix(void **state)
{
    instance *i = open_on_the_gpu(fixture_host(state)->remix);
    play(i, false, false);
    *instance_control(i, BSM_PORT_VOCALS_GAIN) = BSM_GAIN_MUTE;
    uint64_t seed = 3;
    delay_line line;
    delay_line_init(&line);
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1;
    for (size_t b = 0; b < BLOCKS; b++) {
        delay_line_feed(&line, i, &seed, BLOCK);
        instance_run(i, BLOCK);
    }
    assert_silent(instance_audio(i, BSM_PORT_OUT_LEFT));
    instance_close(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stems), cmocka_unit_test(test_remix)};
    const int failed = cmocka_run_group_tests(tests, fixture_open, fixture_close);
    return refused && !failed ? TEST_SKIPPED : failed;
}
