/* SPDX-License-Identifier: ISC */
/** The process's team of threads, which all networks, trainings and streams share.
 *
 *  Code with work for several threads opens a region: a number of indices, each to be worked on
 *  once. The calling thread works on them itself, and idle threads of the team help. So a region
 *  makes progress however busy the others are, also when it is nested in another region. Which
 *  thread works on which index is not determined, and results must not depend on it.
 *
 *  Threads without work sleep. They exist as long as the team has a member. */
#ifndef BSM_BASE_TEAM_H
#define BSM_BASE_TEAM_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/** Join the team, which then has enough threads for regions of `threads` threads, including the
 *  caller's. If the system grants fewer, the log says so, and regions run on those. Not for the
 *  audio thread. */
void bsm_team_join(size_t threads);

/** Leave the team; call it once for each bsm_team_join, never inside a region. When the last
 *  member leaves, the threads end. Not for the audio thread. */
void bsm_team_leave(void);

/** The remaining indices of a region. */
typedef struct bsm_region bsm_region;

/** Take the next index of the region, which no other thread gets. False if none is left. */
bool bsm_region_next(bsm_region *region, size_t *index);

/** One thread's share of a region. `thread` is the thread's number in the region; the caller has
 *  number 0, and no two threads have the same. */
typedef void bsm_team_work(void *job, size_t thread, bsm_region *region);

/** Work on the indices 0 to `count` - 1 with at most `threads` threads, including the caller's.
 *  All of them see what was written before the call, and what they wrote is visible when it
 *  returns. */
void bsm_team_run(size_t threads, size_t count, bsm_team_work *work, void *job);

/* ---- Threads that no signal interrupts: signals are the program's business ---- */

/** Like pthread_create, with all signals blocked in the new thread. */
static inline int bsm_quiet_thread(pthread_t *thread, void *(*run)(void *), void *user)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int failure = pthread_create(thread, NULL, run, user);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

#endif
