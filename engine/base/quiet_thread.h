/* SPDX-License-Identifier: ISC */
/** A thread that no signal interrupts: those are the program's business. */
#ifndef BSM_QUIET_THREAD_H
#define BSM_QUIET_THREAD_H

#include <pthread.h>
#include <signal.h>

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
