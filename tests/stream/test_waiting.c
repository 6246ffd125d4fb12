/* SPDX-License-Identifier: ISC */
/* A stream whose threads wait for the next block uses no processor time, and has only the threads
 * that it was given, no further ones of its own or of a library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "identity.h"
#include "process.h"

enum { RATE = 48000, BLOCK = 480, BLOCKS = 150 };

typedef struct played {
    double seconds; /* of processor time, in total */
    double waiting; /* the part of it after the last block */
    size_t threads;
} played;

/* Wait until no thread computes any more, however long that takes on a busy machine, up to a
 * limit. */
static void become_quiet(void)
{
    double before = -1;
    for (int i = 0; i < 100 && process_seconds() - before > 0.002; i++) {
        before = process_seconds();
        pass_seconds(0.2);
    }
}

/* Play with the default model's shape, in blocks of about 0.1 s, for at least a second and a half.
 * Each block is waited for, so that the work is the same on a busy machine. */
static played play(size_t threads)
{
    bsm_config config;
    bsm_error error = {0};
    assert_int_equal(bsm_config_preset("live", &config, &error), BSM_OK);
    bsm_model *model = hash_model(&config);
    const bsm_stream_options options = {.sample_rate = RATE,
                                        .commit = 4,
                                        .lookahead = 2,
                                        .memory = BSM_MEMORY_CARRY,
                                        .device = BSM_DEVICE_CPU,
                                        .threads = threads};
    bsm_stream *stream = open_stream(model, &options);
    bsm_stream_set_freewheel(stream, true);
    signal in = noise_signal((size_t)BLOCK * BLOCKS, 1);
    const double before = process_seconds();
    for (size_t b = 0; b < BLOCKS; b++) {
        const float *const at[] = {in.audio[0] + b * BLOCK, in.audio[1] + b * BLOCK};
        bsm_stream_process(stream, at, (float *[]){NULL, NULL}, (float *[]){NULL, NULL}, BLOCK);
        pass_seconds((double)BLOCK / RATE);
    }
    played result = {.seconds = process_seconds() - before, .threads = process_threads()};
    become_quiet();
    const double rest = process_seconds();
    pass_seconds(0.5);
    result.waiting = process_seconds() - rest;
    bsm_stream_stats stats;
    bsm_stream_get_stats(stream, &stats);
    assert_in_range(stats.blocks, 5, BLOCKS);
    print_message("%zu threads: %.1f ms of processor time for 1.5 s, then %.1f ms over 0.5 s\n",
                  threads, 1e3 * result.seconds, 1e3 * result.waiting);
    bsm_stream_free(stream);
    free_signal(&in);
    bsm_model_free(model);
    return result;
}

static void test_who_waits_sleeps(void **state)
{
    (void)state;
    const size_t before = process_threads();
    const played four = play(4), two = play(2), one = play(1);
    assert_int_equal(one.threads, before + 2); /* the stream's worker and one computing thread */
    assert_int_equal(two.threads, before + 3);
    assert_int_equal(four.threads, before + 5);
    const double most = 2 * one.seconds + 0.05;
    assert_true(two.seconds < most && four.seconds < most);
    assert_true(one.waiting < 0.02 && two.waiting < 0.02 && four.waiting < 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_waits_sleeps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
