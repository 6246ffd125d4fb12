/* SPDX-License-Identifier: ISC */
/* Inside bsm_stream_process nothing may allocate, lock, wait, read or write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "identity.h"
#include "noise.h"
#include "purity.h"

static void test_this_test_sees_calls(void **unused)
{
    (void)unused;
    assert_int_equal(purity_self_test(), 4);
}

/* Play in approximately real time, with resets and changes of the model, at two rates. */
static void run_purely(size_t rate, double seconds)
{
    enum { COMMIT = 5 };
    bsm_config config = small_stream_config();
    bsm_model *models[2] = {hash_model(&config), identity_model(&config)};
    bsm_stream_options options = {.sample_rate = rate,
                                  .commit = COMMIT,
                                  .lookahead = 5,
                                  .memory = BSM_MEMORY_CARRY,
                                  .threads = 2};
    bsm_stream *stream = open_stream(models[0], &options);
    signal in = noise_signal(8192, 1), out = new_signal(8192), rest = new_signal(8192);
    uint64_t seed = 3, position = 0, requests = 0;
    purity_wakes();
    for (int i = 0; position < (uint64_t)(seconds * (double)rate); i++) {
        size_t count = noise_size(&seed, 1, i % 50 ? 1024 : 8192);
        purity_enter();
        bsm_stream_process(stream, (const float *const *)in.audio, out.audio, rest.audio, count);
        if (i % 37 == 0) {
            bsm_stream_reset(stream);
            requests++;
        }
        bsm_stream_stats stats;
        bsm_stream_get_stats(stream, &stats);
        purity_leave();
        if (i % 101 == 0) {
            assert_int_equal(bsm_stream_set(stream, models[i % 2], NULL, NULL), BSM_OK);
            requests++;
        }
        position += count;
        usleep((useconds_t)(1e6 * (double)count / (double)rate / 2));
    }
    double blocks = (double)position / (COMMIT * 0.01 * (double)rate);
    int wakes = purity_wakes();
    print_message("%zu Hz: %.0f blocks, %d wakes\n", rate, blocks, wakes);
    /* Each request begins a new sequence of blocks, and wakes the worker itself. */
    assert_true(wakes <= blocks + 3.0 * (double)requests + 2);
    bsm_stream_free(stream);
    free_signal(&in);
    free_signal(&out);
    free_signal(&rest);
    bsm_model_free(models[0]);
    bsm_model_free(models[1]);
}

static void test_process_only_copies(void **unused)
{
    (void)unused;
    run_purely(44100, 6);
    run_purely(48000, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_test_sees_calls),
        cmocka_unit_test(test_process_only_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
