/* SPDX-License-Identifier: ISC */
/* Tests a network that fails while it plays: the music continues, any thread can ask for the
 * reason, and nothing is printed. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "identity.h"
#include "stream/timeline.h"

/* ---- A network that fails: the linker puts this in front of it ---- */

static const char why[] = "the GPU fell off the bus";
static _Atomic bool broken, held, is_held;

bsm_status __real_bsm_network_run(bsm_network *network, const bsm_block *block, bsm_error *error);
bsm_status __wrap_bsm_network_run(bsm_network *network, const bsm_block *block, bsm_error *error);

bsm_status __wrap_bsm_network_run(bsm_network *network, const bsm_block *block, bsm_error *error)
{
    while (atomic_load(&held)) {
        atomic_store(&is_held, true);
        usleep(1000);
    }
    return atomic_load(&broken) ? bsm_fail(error, BSM_DEVICE_FAILED, "%s", why)
                                : __real_bsm_network_run(network, block, error);
}

/* ---- The line ---- */

static void test_a_line_is_kept_and_cut(void **state)
{
    (void)state;
    bsm_failure failure = {0};
    char line[600], longest[600];
    assert_true(bsm_failure_get(&failure, line, sizeof line));
    assert_string_equal(line, "");
    bsm_failure_set(&failure, "one");
    assert_true(bsm_failure_get(&failure, line, sizeof line));
    assert_string_equal(line, "one");
    assert_true(bsm_failure_get(&failure, line, 3));
    assert_string_equal(line, "on");
    assert_true(bsm_failure_get(&failure, line, 1));
    assert_string_equal(line, "");
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    bsm_failure_set(&failure, longest);
    assert_true(bsm_failure_get(&failure, line, sizeof line));
    assert_int_equal(strlen(line), 511);
}

static void *write_lines(void *argument)
{
    char line[200];
    for (int i = 0; i < 20000; i++) {
        size_t length = 1 + (size_t)(i * 7 % 150);
        memset(line, 'a' + i % 26, length);
        line[length] = '\0';
        bsm_failure_set(argument, line);
    }
    return NULL;
}

/* Each line consists of one letter, so that a reader notices if it sees parts of two lines. */
static void test_no_line_is_torn(void **state)
{
    (void)state;
    static bsm_failure failure;
    pthread_t writer;
    bsm_failure_set(&failure, "z");
    assert_int_equal(pthread_create(&writer, NULL, write_lines, &failure), 0);
    for (size_t i = 0, read = 0; i < 200000 && read < 20000; i++) {
        char line[200];
        if (bsm_failure_get(&failure, line, sizeof line)) {
            assert_true(*line);
            assert_int_equal(strspn(line, (char[]){*line, '\0'}), strlen(line));
            read++;
        }
    }
    pthread_join(writer, NULL);
}

/* ---- The stream ---- */

static void run_dry(bsm_stream *stream, const signal *in)
{
    stream_result out = play_signal(stream, in, 0);
    assert_true(sum_error(&out, bsm_stream_latency(stream), in) < 1e-6);
    free_result(&out);
}

static void expect_failed(const bsm_stream *stream, bool failed)
{
    bsm_stream_stats stats;
    char line[512] = "nothing";
    bsm_stream_get_stats(stream, &stats);
    assert_int_equal(stats.status, failed ? BSM_DEVICE_FAILED : BSM_OK);
    assert_int_equal(bsm_stream_failure(stream, line, sizeof line), failed);
    assert_string_equal(line, failed ? why : "nothing");
}

static void fail_and_recover(void)
{
    bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    bsm_stream_options options = {.sample_rate = 44100,
                                  .latency = 0.2,
                                  .memory = BSM_MEMORY_CARRY,
                                  .device = BSM_DEVICE_CPU,
                                  .threads = 1,
                                  .freewheel = true};
    bsm_stream *stream = open_stream(model, &options);
    signal in = noise_signal(44100, 5);
    run_dry(stream, &in);
    expect_failed(stream, false);
    atomic_store(&broken, true);
    run_dry(stream, &in);
    run_dry(stream, &in);
    expect_failed(stream, true);

    atomic_store(&broken, false);
    bsm_error error = {0};
    assert_int_equal(bsm_stream_set(stream, model, NULL, &error), BSM_OK);
    run_dry(stream, &in);
    stream_result out = play_signal(stream, &in, 0);
    assert_true(delay_error(&out.vocals, bsm_stream_latency(stream), &in, 0) < -90);
    expect_failed(stream, false);
    free_result(&out);
    free_signal(&in);
    bsm_stream_free(stream);
    bsm_model_free(model);
}

static void test_a_failure_is_told_and_not_printed(void **state)
{
    (void)state;
    FILE *printed = tmpfile();
    assert_non_null(printed);
    fflush(NULL);
    int terminal = dup(STDERR_FILENO);
    assert_true(dup2(fileno(printed), STDERR_FILENO) >= 0);
    fail_and_recover();
    fflush(NULL);
    assert_true(dup2(terminal, STDERR_FILENO) >= 0);
    close(terminal);
    struct stat file;
    assert_int_equal(fstat(fileno(printed), &file), 0);
    assert_int_equal(file.st_size, 0);
    fclose(printed);
}

/* ---- A network that is too slow ---- */

static bsm_stream_stats stats_of(const bsm_stream *stream)
{
    bsm_stream_stats stats;
    bsm_stream_get_stats(stream, &stats);
    return stats;
}

/* A block of 0.1 s that is not done after another 2 s of input is reported as late. */
static void test_what_is_late_shows(void **state)
{
    (void)state;
    enum { RATE = 44100 };
    bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    bsm_stream_options options = {.sample_rate = RATE,
                                  .commit = 10,
                                  .memory = BSM_MEMORY_CARRY,
                                  .device = BSM_DEVICE_CPU,
                                  .threads = 1};
    bsm_stream *stream = open_stream(model, &options);
    signal in = noise_signal(2 * RATE, 5);
    atomic_store(&held, true);
    float silence[512] = {0}, unused[512];
    while (!atomic_load(&is_held)) { /* in about real time */
        bsm_stream_process(stream, (const float *[]){silence, silence}, (float *[]){unused, unused},
                           (float *[]){NULL, NULL}, 512);
        usleep(10000);
    }
    run_dry(stream, &in);
    bsm_stream_stats stats = stats_of(stream);
    assert_true(stats.load >= 20 && stats.worst_load >= 20);
    assert_true(stats.late);
    assert_int_equal(stats.blocks, 0);

    atomic_store(&held, false);
    bsm_stream_set_freewheel(stream, true);
    run_dry(stream, &in);
    run_dry(stream, &in);
    run_dry(stream, &in);
    stats = stats_of(stream);
    assert_false(stats.late);
    assert_true(stats.load > 0 && stats.blocks > 0);
    free_signal(&in);
    bsm_stream_free(stream);
    bsm_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_kept_and_cut),
        cmocka_unit_test(test_no_line_is_torn),
        cmocka_unit_test(test_a_failure_is_told_and_not_printed),
        cmocka_unit_test(test_what_is_late_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
