/* SPDX-License-Identifier: ISC */
/* A thread at one end of a pipe of samples. */
#include "file/pipe_thread.h"

#include <stdlib.h>
#include <string.h>

#include "base/quiet_thread.h"
#include "signal/planes.h"

bsm_status bsm_pipe_thread_start(bsm_pipe_thread *t, size_t channels, size_t beside, size_t samples,
                                 void *(*run)(void *), void *user, const char *name,
                                 bsm_error *error)
{
    *t = (bsm_pipe_thread){.pipe = bsm_sample_pipe_new(channels, beside, samples),
                           .block = bsm_planes_new(channels, BSM_PIPE_BLOCK)};
    if (!t->pipe || !t->block) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    }
    const int failure = bsm_quiet_thread(&t->thread, run, user);
    t->running = failure == 0;
    return failure ? bsm_fail(error, BSM_IO, "%s: no thread for it: %s", name, strerror(failure))
                   : BSM_OK;
}

static void join(bsm_pipe_thread *t)
{
    if (t->running) {
        pthread_join(t->thread, NULL);
        t->running = false;
    }
}

bsm_status bsm_pipe_thread_join(bsm_pipe_thread *t, bsm_error *error)
{
    join(t);
    return t->status ? bsm_fail(error, t->status, "%s", t->error.message) : BSM_OK;
}

void bsm_pipe_thread_free(bsm_pipe_thread *t)
{
    if (t->running) {
        bsm_sample_pipe_stop(t->pipe);
        join(t);
    }
    bsm_sample_pipe_free(t->pipe);
    free(t->block);
}
