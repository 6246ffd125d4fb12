/* SPDX-License-Identifier: ISC */
/* Separates a file while every allocation of the engine fails in turn: the result is an error
 * without a leak or a crash, and no file is left. Allocations of the libraries succeed, because
 * libsoxr crashes if its own fail. */
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "fake.h"
#include "file/separate.h"
#include "noise.h"

/* Run with 0, 1, 2, ... successful allocations until no more are needed; return how many it
 * took. */
static long exhaust(fake_network *network, const char *folder, const char *path,
                    const bsm_separate_options *options)
{
    static bsm_separate_result result;
    const bsm_separator separator = fake_separator(network);
    bsm_error error;
    assert_int_equal(
        bsm_separate_file_with(separator, &network->config, NULL, path, options, &result, &error),
        BSM_OK);
    for (long limit = 0;; limit++) {
        for (size_t i = 0; i < result.num_outputs; i++) {
            remove(result.outputs[i]);
        }
        bsm_separate_result_free(&result);
        const long before = memory_alive();
        network->calls = 0;
        memory_limit(limit, MEMORY_OF_ENGINE);
        bsm_status status = bsm_separate_file_with(separator, &network->config, NULL, path, options,
                                                   &result, &error);
        const bool ran_out = memory_ran_out();
        memory_limit(-1, MEMORY_OF_ENGINE);
        if (memory_alive() != before + (status == BSM_OK)) { /* its names */
            fail_msg("%ld allocations: %ld blocks leak after \"%s\"", limit,
                     memory_alive() - before, error.message);
        }
        if (status == BSM_OK && !ran_out) {
            bsm_separate_result_free(&result);
            return limit;
        }
        if (status != BSM_OK) {
            assert_int_equal(status, BSM_NO_MEMORY);
            assert_non_null(strstr(error.message, path));
            assert_int_equal(fake_count_files(folder, ""), 1);
        }
    }
}

static void test_every_allocation(void **state)
{
    (void)state;
    char *folder = fake_folder(), path[256];
    snprintf(path, sizeof path, "%s/song.wav", folder);
    fake_signal noise = fake_noise(1, 60000, 1);
    fake_write(path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 48000, 1, noise.audio[0], 60000);
    fake_network network = fake_identity(256, 64, 2);
    bsm_separate_options options = {.overlap = -1, .force = true};
    assert_true(exhaust(&network, folder, path, &options) > 30);
    options.commit = 20;
    assert_true(exhaust(&network, folder, path, &options) > 30);
    fake_signal_clear(&noise);
    fake_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
