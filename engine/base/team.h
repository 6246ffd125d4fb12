/* SPDX-License-Identifier: ISC */
/** The process's team of threads, which all networks, trainings and streams share.
 *
 *  Whoever has work for several threads opens a region: a number of indices, each to be done once.
 *  The calling thread works on them itself, and threads of the team that have nothing else to do
 *  help it, so that a region goes on whatever the others are busy with, also inside another region.
 *  Who does which index is left to chance: results must not depend on it.
 *
 *  Threads without work sleep. They are there while anybody is in the team. */
#ifndef BSM_BASE_TEAM_H
#define BSM_BASE_TEAM_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* The process's team of threads, which all networks, trainings and streams share.
 *
 *  Whoever has work for several threads opens a region: a number of indices, each to be done once.
 *  The calling thread works on them itself, and threads of the team that have nothing else to do
 *  help it, so that a region goes on whatever the others are busy with, also inside another region.
 *  Who does which index is left to chance: results must not depend on it.
 *
 *  Threads without work sleep. They are there while anybody is in the team. */

/** Enter the team, which then has threads for regions of `threads`, the caller's among them. Where
 *  the system gives fewer, the log says so, and regions run on those. Not on the audio thread. */
void bsm_team_join(size_t threads);

/** Leave it, once for each time it was entered; never inside a region. The last one ends the
 *  threads. Not on the audio thread. */
void bsm_team_leave(void);

/** What is left of a region. */
typedef struct bsm_region bsm_region;

/** The next index of the region, which nobody else gets; false: there is none. */
bool bsm_region_next(bsm_region *region, size_t *index);

/** One thread's work on a region. `thread` counts the region's from 0, which is the caller; no two
 *  have the same. */
typedef void bsm_team_work(void *job, size_t thread, bsm_region *region);

/** Do the indices 0 to `count` - 1 on at most `threads` threads, the caller's among them. What was
 *  written before is seen by all of them, and what they wrote is there when it returns. */
void bsm_team_run(size_t threads, size_t count, bsm_team_work *work, void *job);

/* ---- A thread that no signal interrupts: those are the program's business ---- */

/** As pthread_create. */
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
