/* SPDX-License-Identifier: ISC */
/** A thread at one end of a pipe of samples. */
#ifndef BSM_FILE_PIPE_THREAD_H
#define BSM_FILE_PIPE_THREAD_H

#include <pthread.h>

#include "bsm/status.h"
#include "file/sample_pipe.h"

enum { BSM_PIPE_BLOCK = 4096 };

typedef struct bsm_pipe_thread {
    bsm_sample_pipe *pipe;
    float **block; /**< [channels][BSM_PIPE_BLOCK]: the thread's */
    pthread_t thread;
    bool running;
    bsm_status status; /**< the thread's, until it has ended or stopped the pipe */
    bsm_error error;
} bsm_pipe_thread;

/** Begin `run(user)` at a pipe that holds `samples` per channel, and `beside` channels
 *  beside them. Messages begin with `name`. On
 *  failure there is still bsm_pipe_thread_free to be called.
 *  BSM_NO_MEMORY; BSM_IO: the system gives no thread. */
BSM_NODISCARD bsm_status bsm_pipe_thread_start(bsm_pipe_thread *t, size_t channels, size_t beside,
                                               size_t samples, void *(*run)(void *), void *user,
                                               const char *name, bsm_error *error);

/** Wait for the thread's end, and say what it came to. */
BSM_NODISCARD bsm_status bsm_pipe_thread_join(bsm_pipe_thread *t, bsm_error *error);

/** Stop the pipe, wait for the thread, and free what it has. */
void bsm_pipe_thread_free(bsm_pipe_thread *t);

#endif
