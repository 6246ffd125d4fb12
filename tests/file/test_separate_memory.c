/* SPDX-License-Identifier: ISC */
/* Separating a file, with every allocation of the engine failing in turn: an error, no leak, no
 * crash, nothing left behind.
 *
 * The functions below take the place of the C library's in this whole process. Those that fail are
 * the calls from this executable, which the engine is a part of: libsoxr does not survive its own.
 */
#include <errno.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"
#include "file/separate.h"
#include "noise.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

/* So that the libraries use them, too. */
#define EXPORTED __attribute__((visibility("default")))
EXPORTED void *malloc(size_t size);
EXPORTED void *calloc(size_t count, size_t size);
EXPORTED void *realloc(void *memory, size_t size);
EXPORTED void free(void *memory);

/* The bounds of the executable's code, from the linker. */
extern const char __executable_start[], etext[];

static long remaining = -1; /* allocations that still work; below 0: all */
static long alive;          /* blocks that were not freed */

static bool may_allocate(const char *caller)
{
    if (caller < __executable_start || caller >= etext) {
        return true;
    }
    if (remaining == 0) {
        errno = ENOMEM;
        return false;
    }
    remaining -= remaining > 0;
    return true;
}

static void *count_block(void *memory)
{
    alive += memory != NULL;
    return memory;
}

void *malloc(size_t size)
{
    return may_allocate(__builtin_return_address(0)) ? count_block(__libc_malloc(size)) : NULL;
}

void *calloc(size_t count, size_t size)
{
    return may_allocate(__builtin_return_address(0)) ? count_block(__libc_calloc(count, size))
                                                     : NULL;
}

void *realloc(void *memory, size_t size)
{
    if (!may_allocate(__builtin_return_address(0))) {
        return NULL;
    }
    alive += memory == NULL;
    return __libc_realloc(memory, size);
}

void free(void *memory)
{
    alive -= memory != NULL;
    __libc_free(memory);
}

/* Run with 0, 1, 2, ... allocations that work, until all do; returns how many it took. */
static long exhaust(fake_network *network, const char *folder, const char *path,
                    const bsm_separate_options *options)
{
    static bsm_separate_result result;
    const bsm_separator separator = fake_separator(network);
    bsm_error error;
    assert_int_equal(
        bsm_separate_file_with(separator, &network->config, path, options, &result, &error),
        BSM_OK);
    for (long limit = 0;; limit++) {
        for (size_t i = 0; i < result.num_outputs; i++) {
            remove(result.outputs[i]);
        }
        const long before = alive;
        network->calls = 0;
        remaining = limit;
        bsm_status status =
            bsm_separate_file_with(separator, &network->config, path, options, &result, &error);
        const bool ran_out = remaining == 0;
        remaining = -1;
        if (alive != before) {
            fail_msg("%ld allocations: %ld blocks leak after \"%s\"", limit, alive - before,
                     error.message);
        }
        if (status == BSM_OK && !ran_out) {
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
