/* SPDX-License-Identifier: ISC */
/* Tests a network that fails while the plugin plays: the mixture is played instead, and the host
 * and the user are told why. The network fails because memory runs out: the plugin calls this
 * program's malloc. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "picture.h"

/* ---- Memory that comes to an end ---- */

static _Atomic bool exhausted; /* for the worker threads of streams */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);

static bool refuse(void)
{
    char name[16] = "";
    if (!atomic_load(&exhausted) || pthread_getname_np(pthread_self(), name, sizeof name) ||
        strcmp(name, "bsm-stream") != 0) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

/* Everything else in our programs is hidden, but the plugin must see these. */
#pragma GCC visibility push(default)

void *malloc(size_t size)
{
    return refuse() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return refuse() ? NULL : __libc_calloc(count, size);
}

#pragma GCC visibility pop

/* ---- The plugin ---- */

enum { RATE = 44100, BLOCK = 512 };

static void draw(instance *i, picture *p)
{
    picture_copy(p, instance_render(i, PICTURE_WIDTH, 1000));
}

static void expect_alarm(instance *i, const picture *before, bool alarm)
{
    picture p;
    draw(i, &p);
    light words = picture_words(&p);
    assert_int_equal(words.red > 1.2 * words.blue, alarm);
    assert_false(before && picture_same_words(&p, before));
}

/* Play, and check that the sum of both parts is the delayed input, whatever happens. */
static void play(instance *i, delay_line *line, size_t blocks)
{
    static uint64_t seed = 9;
    size_t latency = (size_t)*instance_control(i, BSM_PORT_LATENCY);
    for (size_t b = 0; b < blocks; b++) {
        delay_line_feed(line, i, &seed, BLOCK);
        instance_run(i, BLOCK);
        assert_true(delay_line_compare(line, i, true, latency, BLOCK) < 1e-6f);
    }
}

/* Restart the plugin; the network needs memory for that. */
static void restart(instance *i, delay_line *line)
{
    lilv_instance_deactivate(instance_lilv(i));
    lilv_instance_activate(instance_lilv(i));
    delay_line_init(line);
}

static void test_stopping_is_told(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->stems, RATE, HOST_THREADED);
    delay_line line;
    picture ready;
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1; /* so that nothing is late */
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    draw(i, &ready);
    restart(i, &line);
    play(i, &line, 200);
    instance_get_all(i);
    instance_run(i, 1);
    assert_memory_equal(instance_told_status(i), "ready: ", 7);

    atomic_store(&exhausted, true);
    restart(i, &line);
    fixture_run_until(i, "failed: ");
    assert_non_null(strstr(instance_told_status(i), "memory"));
    assert_non_null(strstr(instance_told_status(i), "; the sound passes dry"));
    expect_alarm(i, &ready, true);
    restart(i, &line);
    play(i, &line, 200);
    instance_forget(i);
    instance_get_all(i);
    instance_run(i, 1);
    assert_memory_equal(instance_told_status(i), "failed: ", 8);

    atomic_store(&exhausted, false);
    instance_set_model(i, fixture_other());
    fixture_run_until(i, "ready: other");
    expect_alarm(i, &ready, false);
    instance_close(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopping_is_told),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
