/* SPDX-License-Identifier: ISC */
/* The thread that computes for all streams of a process. */
#include "stream/voice.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>

#include "base/team.h"

/* A job; it lies on the stack of the thread that waits for it. */
typedef struct pool_job {
    void (*run)(void *user);
    void *user;
    sem_t done;
    struct pool_job *next;
} pool_job;

static struct {
    pthread_mutex_t lock; /* guards everything here */
    pthread_cond_t work;
    pool_job *first, **last;
    size_t members;
    bool quit;
    pthread_t thread;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .last = &pool.first};

/* Serialises joining and leaving, so that the last member's thread has ended before the next
 * member starts one. */
static pthread_mutex_t membership = PTHREAD_MUTEX_INITIALIZER;

static pool_job *take_job(void)
{
    pthread_mutex_lock(&pool.lock);
    while (!pool.first && !pool.quit) {
        pthread_cond_wait(&pool.work, &pool.lock);
    }
    pool_job *job = pool.first;
    if (job) {
        pool.first = job->next;
        if (!pool.first) {
            pool.last = &pool.first;
        }
    }
    pthread_mutex_unlock(&pool.lock);
    return job;
}

static void *run_jobs(void *unused)
{
    pthread_setname_np(pthread_self(), "bsm-pool");
    for (pool_job *job; (job = take_job());) {
        job->run(job->user);
        sem_post(&job->done);
    }
    return unused;
}

bsm_status bsm_pool_join(bsm_error *error)
{
    pthread_mutex_lock(&membership);
    int failure = pool.members == 0 ? bsm_quiet_thread(&pool.thread, run_jobs, NULL) : 0;
    if (!failure) {
        pool.members++;
    }
    pthread_mutex_unlock(&membership);
    return failure ? bsm_fail(error, BSM_NO_MEMORY, "the streams' computing thread: %s",
                              strerror(failure))
                   : BSM_OK;
}

static void set_quit(bool quit)
{
    pthread_mutex_lock(&pool.lock);
    pool.quit = quit;
    pthread_cond_signal(&pool.work);
    pthread_mutex_unlock(&pool.lock);
}

void bsm_pool_leave(void)
{
    pthread_mutex_lock(&membership);
    if (--pool.members == 0) {
        set_quit(true);
        pthread_join(pool.thread, NULL);
        set_quit(false);
    }
    pthread_mutex_unlock(&membership);
}

void bsm_pool_run(void (*run)(void *user), void *user)
{
    pool_job job = {.run = run, .user = user};
    sem_init(&job.done, 0, 0);
    pthread_mutex_lock(&pool.lock);
    *pool.last = &job;
    pool.last = &job.next;
    pthread_cond_signal(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    while (sem_wait(&job.done)) { /* interrupted */
    }
    sem_destroy(&job.done);
}
