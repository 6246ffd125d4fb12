/* SPDX-License-Identifier: ISC */
#include "base/team.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* A region lies on its caller's stack. */
struct bsm_region {
    bsm_team_work *work;
    void *job;
    size_t count;
    atomic_size_t next; /* the next index to work on */

    /* Guarded by the team's lock. */
    size_t places; /* how many more threads of the team may join */
    size_t came;   /* how many threads of the team have joined; also the number of the last one */
    size_t inside; /* how many of those are still working */
    pthread_cond_t empty;
    struct bsm_region *behind;
};

static struct {
    pthread_mutex_t lock;    /* guards everything here but `threads` and `members` */
    pthread_cond_t work;     /* signalled when a region opens or the team ends */
    struct bsm_region *open; /* the regions that threads may still join, oldest first */
    atomic_size_t count;     /* threads of the team, without callers; changed under `membership` */
    bool over;
    pthread_t *threads;
    size_t members;
} team = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

/* Serialises joining and leaving, so that the last member's threads have ended before the next
 * member starts new ones. */
static pthread_mutex_t membership = PTHREAD_MUTEX_INITIALIZER;

/* ---- Regions ---- */

bool bsm_region_next(bsm_region *region, size_t *index)
{
    *index = atomic_fetch_add_explicit(&region->next, 1, memory_order_relaxed);
    return *index < region->count;
}

static void open_region(bsm_region *region)
{
    bsm_region **last = &team.open;
    while (*last) {
        last = &(*last)->behind;
    }
    *last = region;
}

static void close_region(const bsm_region *region)
{
    bsm_region **place = &team.open;
    while (*place && *place != region) {
        place = &(*place)->behind;
    }
    if (*place) {
        *place = region->behind;
    }
}

/* Runs in a thread of the team, which holds the lock: it works on the oldest open region. */
static void help(bsm_region *region)
{
    const size_t thread = ++region->came;
    region->inside++;
    if (--region->places == 0) {
        close_region(region);
    }
    pthread_mutex_unlock(&team.lock);
    region->work(region->job, thread, region);
    pthread_mutex_lock(&team.lock);
    if (--region->inside == 0) {
        pthread_cond_signal(&region->empty);
    }
}

void bsm_team_run(size_t threads, size_t count, bsm_team_work *work, void *job)
{
    bsm_region region = {.work = work,
                         .job = job,
                         .count = count,
                         .places = atomic_load(&team.count),
                         .empty = PTHREAD_COND_INITIALIZER};
    const size_t useful = threads < count ? threads : count;
    if (useful < 2 || region.places == 0) {
        work(job, 0, &region);
        return;
    }
    region.places = region.places < useful - 1 ? region.places : useful - 1;
    pthread_mutex_lock(&team.lock);
    open_region(&region);
    for (size_t i = 0; i < region.places; i++) {
        pthread_cond_signal(&team.work);
    }
    pthread_mutex_unlock(&team.lock);
    work(job, 0, &region);
    pthread_mutex_lock(&team.lock);
    close_region(&region);
    while (region.inside > 0) {
        pthread_cond_wait(&region.empty, &team.lock);
    }
    pthread_mutex_unlock(&team.lock);
    pthread_cond_destroy(&region.empty);
}

/* ---- Threads ---- */

static void *help_all(void *unused)
{
    pthread_setname_np(pthread_self(), "bsm-team");
    pthread_mutex_lock(&team.lock);
    while (!team.over) {
        if (team.open) {
            help(team.open);
        } else {
            pthread_cond_wait(&team.work, &team.lock);
        }
    }
    pthread_mutex_unlock(&team.lock);
    return unused;
}

/* The caller holds `membership`. */
static void start_threads(size_t wanted)
{
    size_t count = atomic_load(&team.count);
    pthread_t *threads = realloc(team.threads, wanted * sizeof *threads);
    int failure = threads ? 0 : ENOMEM;
    team.threads = threads ? threads : team.threads;
    while (!failure && count < wanted) {
        failure = bsm_quiet_thread(&team.threads[count], help_all, NULL);
        count += !failure;
    }
    atomic_store(&team.count, count);
    if (failure) {
        bsm_log("the system gives %zu threads of %zu (%s): going on with %zu", count + 1,
                wanted + 1, strerror(failure), count + 1);
    }
}

static void set_over(bool over)
{
    pthread_mutex_lock(&team.lock);
    team.over = over;
    pthread_cond_broadcast(&team.work);
    pthread_mutex_unlock(&team.lock);
}

static void end_threads(void)
{
    const size_t count = atomic_exchange(&team.count, 0);
    set_over(true);
    for (size_t i = 0; i < count; i++) {
        pthread_join(team.threads[i], NULL);
    }
    set_over(false);
    free(team.threads);
    team.threads = NULL;
}

/* A fork does not copy threads: the child works with its own thread only until somebody joins the
 * team in it. */
static void forget_threads(void)
{
    pthread_mutex_init(&team.lock, NULL);
    pthread_mutex_init(&membership, NULL);
    pthread_cond_init(&team.work, NULL);
    team.open = NULL;
    atomic_store(&team.count, 0);
}

static void be_forked(void)
{
    pthread_atfork(NULL, NULL, forget_threads);
}

void bsm_team_join(size_t threads)
{
    static pthread_once_t forked = PTHREAD_ONCE_INIT;
    pthread_once(&forked, be_forked);
    pthread_mutex_lock(&membership);
    team.members++;
    if (threads > atomic_load(&team.count) + 1) {
        start_threads(threads - 1);
    }
    pthread_mutex_unlock(&membership);
}

void bsm_team_leave(void)
{
    pthread_mutex_lock(&membership);
    if (--team.members == 0) {
        end_threads();
    }
    pthread_mutex_unlock(&membership);
}
