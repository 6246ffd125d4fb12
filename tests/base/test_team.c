/* SPDX-License-Identifier: ISC */
/* Tests the team of threads: each index is run once, whichever threads help, and the threads sleep
 * when there is no work. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/team.h"
#include "bsm/log.h"
#include "process.h"

/* ---- Threads that the system does not give: the linker puts this in front of it ---- */

static atomic_size_t threads_left;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *user);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *user)
{
    if (atomic_load(&threads_left) == 0) {
        return EAGAIN;
    }
    atomic_fetch_sub(&threads_left, 1);
    return __real_pthread_create(thread, attributes, run, user);
}

static int give_threads(void **state)
{
    (void)state;
    atomic_store(&threads_left, SIZE_MAX / 2);
    return 0;
}

/* ---- A region that is counted ---- */

enum { MOST_THREADS = 7, MOST_INDICES = 1000 };

typedef struct counted {
    size_t threads, count;
    atomic_size_t done[MOST_INDICES];
    atomic_bool here[MOST_THREADS];
    atomic_size_t wrong; /* counts thread numbers out of range, or used by two threads at once */
    atomic_size_t came;
    size_t wait_for; /* number of threads that wait for each other before any of them leaves */
} counted;

static void count(void *job, size_t thread, bsm_region *region)
{
    counted *c = job;
    if (thread >= c->threads || atomic_exchange(&c->here[thread], true)) {
        atomic_fetch_add(&c->wrong, 1);
        return;
    }
    atomic_fetch_add(&c->came, 1);
    for (size_t index; bsm_region_next(region, &index);) {
        atomic_fetch_add(&c->done[index < MOST_INDICES ? index : 0], 1);
        while (atomic_load(&c->came) < c->wait_for) {
            pass_seconds(1e-4);
        }
    }
    atomic_store(&c->here[thread], false);
}

/* Return how many threads took part. */
static size_t run_counted(size_t threads, size_t indices, size_t wait_for)
{
    counted c = {.threads = threads, .count = indices, .wait_for = wait_for};
    bsm_team_run(threads, indices, count, &c);
    size_t done_once = 0;
    for (size_t i = 0; i < MOST_INDICES; i++) {
        done_once += atomic_load(&c.done[i]) == 1;
    }
    assert_int_equal(done_once, indices);
    assert_int_equal(atomic_load(&c.wrong), 0);
    return atomic_load(&c.came);
}

static void test_each_index_once(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= MOST_THREADS; threads++) {
        bsm_team_join(threads);
        for (size_t indices = 0; indices <= MOST_INDICES; indices = 3 * indices + 1) {
            assert_in_range(run_counted(threads, indices, 0), 1, threads);
        }
        bsm_team_leave();
    }
}

static void test_all_threads_come(void **state)
{
    (void)state;
    bsm_team_join(MOST_THREADS);
    assert_int_equal(run_counted(MOST_THREADS, MOST_INDICES, MOST_THREADS), MOST_THREADS);
    assert_int_equal(run_counted(3, MOST_INDICES, 3), 3);
    assert_int_equal(run_counted(MOST_THREADS, 2, 2), 2);
    assert_int_equal(run_counted(1, MOST_INDICES, 1), 1);
    bsm_team_leave();
}

static void test_nobody_in_the_team(void **state)
{
    (void)state;
    assert_int_equal(run_counted(3, 61, 1), 1);
}

/* ---- Regions in regions, and several at once ---- */

static void run_inner(void *job, size_t thread, bsm_region *region)
{
    (void)thread;
    for (size_t index; bsm_region_next(region, &index);) {
        atomic_fetch_add((atomic_size_t *)job, index + 1);
    }
}

static void run_outer(void *job, size_t thread, bsm_region *region)
{
    (void)thread;
    for (size_t index; bsm_region_next(region, &index);) {
        bsm_team_run(3, index, run_inner, job);
    }
}

/* Return the sum of 1 + ... + index over all indices. */
static size_t run_nested(size_t indices)
{
    atomic_size_t sum = 0;
    bsm_team_run(3, indices, run_outer, &sum);
    return atomic_load(&sum);
}

static void test_a_region_in_a_region(void **state)
{
    (void)state;
    bsm_team_join(3);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(run_nested(31), 31 * 30 * 32 / 6);
    }
    bsm_team_leave();
}

static void *use_team(void *wrong)
{
    for (size_t i = 0; i < 50; i++) {
        bsm_team_join(1 + i % 4);
        for (size_t k = 0; k < 10; k++) {
            atomic_fetch_add((atomic_size_t *)wrong, run_nested(16) != 16 * 15 * 17 / 6);
        }
        bsm_team_leave();
    }
    return NULL;
}

static void test_many_users_at_once(void **state)
{
    (void)state;
    enum { USERS = 6 };
    atomic_size_t wrong = 0;
    pthread_t users[USERS];
    for (size_t u = 0; u < USERS; u++) {
        assert_int_equal(pthread_create(&users[u], NULL, use_team, &wrong), 0);
    }
    for (size_t u = 0; u < USERS; u++) {
        pthread_join(users[u], NULL);
    }
    assert_int_equal(atomic_load(&wrong), 0);
}

/* ---- Coming and going ---- */

static void wait_for_threads(size_t count)
{
    while (process_threads() != count) { /* a thread that was joined may exist for another moment */
        pass_seconds(1e-4);
    }
}

static void test_a_thousand_times(void **state)
{
    (void)state;
    const size_t before = process_threads();
    for (size_t i = 0; i < 1000; i++) {
        bsm_team_join(1 + i % 4);
        bsm_team_join(2);
        assert_in_range(run_counted(4, 8, 0), 1, 4);
        bsm_team_leave();
        assert_in_range(run_counted(4, 8, 0), 1, 4);
        bsm_team_leave();
    }
    wait_for_threads(before);
    bsm_team_join(4);
    wait_for_threads(before + 3);
    bsm_team_join(2);
    bsm_team_leave();
    wait_for_threads(before + 3);
    bsm_team_leave();
    wait_for_threads(before);
}

static void keep_line(void *user, const char *line)
{
    snprintf(user, 100, "%s", line);
}

static void test_fewer_threads_than_asked_for(void **state)
{
    (void)state;
    char line[100] = "";
    bsm_log_set_handler(keep_line, line);
    atomic_store(&threads_left, 2);
    bsm_team_join(MOST_THREADS);
    assert_string_equal(line, "the system gives 3 threads of 7 (Resource temporarily unavailable): "
                              "going on with 3");
    assert_int_equal(run_counted(MOST_THREADS, MOST_INDICES, 3), 3);
    give_threads(NULL);
    bsm_team_join(4);
    assert_int_equal(run_counted(MOST_THREADS, MOST_INDICES, 4), 4);
    bsm_team_leave();
    bsm_team_leave();
    bsm_log_set_handler(NULL, NULL);
}

/* After a fork the child has only its own thread until it needs more. */
static void test_a_fork(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    print_message("the thread sanitizer ends a child that starts threads\n");
    skip();
#endif
    bsm_team_join(3);
    assert_int_equal(run_counted(3, MOST_INDICES, 3), 3);
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const bool alone = run_counted(3, MOST_INDICES, 0) == 1;
        bsm_team_join(2);
        const bool two = run_counted(3, MOST_INDICES, 2) == 2;
        bsm_team_leave();
        bsm_team_leave();
        _exit(alone && two && process_threads() <= 2 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(run_counted(3, MOST_INDICES, 3), 3);
    bsm_team_leave();
}

/* ---- Sleep ---- */

/* One index takes long without using a processor. */
static void sleep_on_one(void *job, size_t thread, bsm_region *region)
{
    (void)thread;
    for (size_t index; bsm_region_next(region, &index);) {
        if (index == *(const size_t *)job) {
            pass_seconds(0.05);
        }
    }
}

static void test_who_waits_sleeps(void **state)
{
    (void)state;
    const double before = process_seconds();
    bsm_team_join(4);
    for (size_t index = 0; index < 8; index++) {
        bsm_team_run(4, 8, sleep_on_one, &index);
    }
    pass_seconds(0.4);
    bsm_team_leave();
    const double taken = process_seconds() - before;
    print_message("%.1f ms of processor time in 0.8 s of waiting\n", 1e3 * taken);
    assert_true(taken < 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_index_once),
        cmocka_unit_test(test_all_threads_come),
        cmocka_unit_test(test_nobody_in_the_team),
        cmocka_unit_test(test_a_region_in_a_region),
        cmocka_unit_test(test_many_users_at_once),
        cmocka_unit_test(test_a_thousand_times),
        cmocka_unit_test(test_fewer_threads_than_asked_for),
        cmocka_unit_test(test_a_fork),
        cmocka_unit_test(test_who_waits_sleeps),
    };
    return cmocka_run_group_tests(tests, give_threads, NULL);
}
