/* SPDX-License-Identifier: ISC */
/* Tests the threads that read ahead and write later. Every sample arrives once and in order,
 * whatever the sizes. An error is reported after the samples that precede it. Stopping never
 * blocks. If the system provides no thread, an error is reported. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file/sample_pipe.h"
#include "noise.h"
#include "signal/signal.h"

/* The linker uses this instead of pthread_create. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *user);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *user);

static bool no_threads;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *user)
{
    return no_threads ? EAGAIN : __real_pthread_create(thread, attributes, run, user);
}

enum { CHANNELS = 2, MOST = 20000 };

static float sample(size_t channel, size_t at)
{
    return (float)(at * CHANNELS + channel);
}

static void fill(float *const *audio, size_t first, size_t count)
{
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < count; i++) {
            audio[c][i] = sample(c, first + i);
        }
    }
}

static void assert_filled(float *const *audio, size_t first, size_t count)
{
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < count; i++) {
            assert_true(audio[c][i] == sample(c, first + i));
        }
    }
}

/* A second queue gets one sample for every three of the signal, which holds the number of the
 * sample. */
enum { RATIO = 3 };

static void put_beside(bsm_sample_queue *queue, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const float number = (float)i, *plane = &number;
        if (i % RATIO == 0) {
            assert_int_equal(bsm_sample_queue_push(queue, &plane, 1, NULL), BSM_OK);
        }
    }
}

/* Check that the second queue has what belongs to the first `total` samples, in order. */
static void take_beside(bsm_sample_queue *queue, size_t *at, size_t total)
{
    for (float number, *plane = &number; *at < total; *at += RATIO) {
        assert_int_equal(bsm_sample_queue_pop(queue, &plane, 1), 1);
        assert_true(number == (float)*at);
    }
}

/* ---- Reading ---- */

/* A signal that ends, or fails, after `total` samples. */
typedef struct counted {
    size_t at, total;
    bsm_status status;
    bsm_sample_queue beside;
    size_t beside_at;
} counted;

static bsm_status read_counted(void *user, float *const *audio, size_t count, size_t *got,
                               bsm_error *error)
{
    counted *c = user;
    *got = c->total - c->at < count ? c->total - c->at : count;
    fill(audio, c->at, *got);
    put_beside(&c->beside, c->at, c->at + *got);
    c->at += *got;
    return *got < count && c->status ? bsm_fail(error, c->status, "song: broken") : BSM_OK;
}

static bsm_read_ahead *begin(counted *c, size_t samples)
{
    bsm_read_ahead *ahead = NULL;
    assert_int_equal(bsm_read_ahead_new((bsm_signal){c, read_counted}, CHANNELS, &c->beside,
                                        samples, "song", &ahead, NULL),
                     BSM_OK);
    return ahead;
}

/* Read in pieces of random sizes; return the status of the last one. */
static bsm_status read_all(bsm_read_ahead *ahead, uint64_t *seed, size_t most, size_t total,
                           bsm_error *error)
{
    const bsm_signal signal = bsm_read_ahead_signal(ahead);
    float **audio = bsm_planes_new(CHANNELS, most);
    bsm_sample_queue beside;
    bsm_sample_queue_init(&beside, 1);
    bsm_status status = BSM_OK;
    size_t at = 0, wanted = 0, got = 0, beside_at = 0;
    while (got == wanted && !status) {
        wanted = noise_size(seed, 1, most);
        status = signal.read(signal.user, audio, wanted, &got, error);
        assert_filled(audio, at, got);
        at += got;
        assert_int_equal(bsm_read_ahead_take_beside(ahead, &beside, NULL), BSM_OK);
        take_beside(&beside, &beside_at, at);
    }
    assert_int_equal(at, total);
    bsm_sample_queue_clear(&beside);
    free(audio);
    return status;
}

static void test_reading(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t round = 0; round < 60; round++) {
        counted c = {.total = noise_size(&seed, 0, 5 * MOST), .beside.channels = 1};
        c.status = round % 2 ? BSM_BAD_AUDIO : BSM_OK;
        bsm_read_ahead *ahead = begin(&c, noise_size(&seed, 1, MOST));
        bsm_error error = {0};
        assert_int_equal(read_all(ahead, &seed, noise_size(&seed, 1, MOST), c.total, &error),
                         c.status);
        assert_string_equal(error.message, c.status ? "song: broken" : "");
        bsm_read_ahead_free(ahead);
        bsm_sample_queue_clear(&c.beside);
    }
}

static void test_reading_no_more(void **state)
{
    (void)state;
    for (size_t round = 0; round < 60; round++) {
        counted c = {.total = SIZE_MAX, .beside.channels = 1};
        bsm_read_ahead *ahead = begin(&c, 100 + round * 300);
        float **audio = bsm_planes_new(CHANNELS, MOST);
        const bsm_signal signal = bsm_read_ahead_signal(ahead);
        size_t got = 0;
        for (size_t i = 0; i < round % 3; i++) {
            assert_int_equal(signal.read(signal.user, audio, MOST, &got, NULL), BSM_OK);
            assert_int_equal(got, MOST);
        }
        bsm_read_ahead_free(ahead);
        bsm_sample_queue_clear(&c.beside);
        free(audio);
    }
}

/* ---- Writing ---- */

static bsm_status write_counted(void *user, float *const *audio, size_t count, bsm_error *error)
{
    counted *c = user;
    assert_filled(audio, c->at, count);
    c->at += count;
    take_beside(&c->beside, &c->beside_at, c->at);
    return c->at > c->total ? bsm_fail(error, BSM_IO, "part: full") : BSM_OK;
}

static bsm_write_behind *begin_writing(counted *c, size_t samples)
{
    bsm_write_behind *behind = NULL;
    assert_int_equal(bsm_write_behind_new(write_counted, c, CHANNELS, &c->beside, samples, "song",
                                          &behind, NULL),
                     BSM_OK);
    return behind;
}

static bsm_status write_pieces(bsm_write_behind *behind, uint64_t *seed, size_t total,
                               bsm_error *error)
{
    float **audio = bsm_planes_new(CHANNELS, MOST);
    bsm_sample_queue beside;
    bsm_sample_queue_init(&beside, 1);
    bsm_status status = BSM_OK;
    for (size_t at = 0, count; at < total && !status; at += count) {
        count = noise_size(seed, 1, total - at < MOST ? total - at : MOST);
        fill(audio, at, count);
        put_beside(&beside, at, at + count);
        status = bsm_write_behind_add(behind, audio, count, &beside, error);
    }
    bsm_sample_queue_clear(&beside);
    free(audio);
    return status ? status : bsm_write_behind_finish(behind, error);
}

static void test_writing(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (size_t round = 0; round < 60; round++) {
        const size_t total = noise_size(&seed, 0, 5 * MOST);
        counted c = {.total = SIZE_MAX, .beside.channels = 1};
        bsm_write_behind *behind = begin_writing(&c, noise_size(&seed, 1, MOST));
        assert_int_equal(write_pieces(behind, &seed, total, NULL), BSM_OK);
        bsm_write_behind_free(behind);
        bsm_sample_queue_clear(&c.beside);
        assert_int_equal(c.at, total);
    }
}

static void test_failing_to_write(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (size_t round = 0; round < 60; round++) {
        const size_t total = noise_size(&seed, 1, 5 * MOST);
        counted c = {.total = noise_size(&seed, 0, total - 1), .beside.channels = 1};
        bsm_write_behind *behind = begin_writing(&c, noise_size(&seed, 1, MOST));
        bsm_error error = {0};
        assert_int_equal(write_pieces(behind, &seed, total, &error), BSM_IO);
        assert_string_equal(error.message, "part: full");
        bsm_write_behind_free(behind);
        bsm_sample_queue_clear(&c.beside);
    }
}

static void test_writing_no_more(void **state)
{
    (void)state;
    float **audio = bsm_planes_new(CHANNELS, MOST);
    fill(audio, 0, MOST);
    for (size_t round = 0; round < 60; round++) {
        counted c = {.total = SIZE_MAX, .beside.channels = 1};
        bsm_write_behind *behind = begin_writing(&c, MOST);
        bsm_sample_queue beside;
        bsm_sample_queue_init(&beside, 1);
        put_beside(&beside, 0, round * MOST / 60);
        assert_int_equal(bsm_write_behind_add(behind, audio, round * MOST / 60, &beside, NULL),
                         BSM_OK);
        bsm_sample_queue_clear(&beside);
        bsm_write_behind_free(behind);
        bsm_sample_queue_clear(&c.beside);
        assert_true(c.at <= round * MOST / 60);
    }
    free(audio);
}

static void test_no_thread(void **state)
{
    (void)state;
    counted c = {.total = 1};
    bsm_read_ahead *ahead = NULL;
    bsm_write_behind *behind = NULL;
    bsm_error error = {0};
    no_threads = true;
    assert_int_equal(bsm_read_ahead_new((bsm_signal){&c, read_counted}, CHANNELS, NULL, MOST,
                                        "song", &ahead, &error),
                     BSM_IO);
    assert_non_null(strstr(error.message, "song: no thread for it: "));
    assert_int_equal(
        bsm_write_behind_new(write_counted, &c, CHANNELS, NULL, MOST, "part", &behind, &error),
        BSM_IO);
    assert_non_null(strstr(error.message, "part: no thread for it: "));
    no_threads = false;
    assert_null(ahead);
    assert_null(behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),         cmocka_unit_test(test_reading_no_more),
        cmocka_unit_test(test_writing),         cmocka_unit_test(test_failing_to_write),
        cmocka_unit_test(test_writing_no_more), cmocka_unit_test(test_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
