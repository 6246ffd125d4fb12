/* SPDX-License-Identifier: ISC */
/* A signal that is read by a thread of its own. */
#include "file/read_ahead.h"

#include <stdlib.h>
#include <string.h>

#include "file/sample_pipe.h"
#include "quiet_thread.h"
#include "signal/planes.h"

enum { BLOCK = 4096 };

struct bsm_read_ahead {
    bsm_signal signal;
    float **block; /* [channels][BLOCK] */
    bsm_sample_pipe *pipe;
    pthread_t thread;
    bool running;
    bsm_status status; /* the thread's, until the pipe has ended */
    bsm_error error;
};

static void *read_all(void *opaque)
{
    bsm_read_ahead *ahead = opaque;
    size_t got = BLOCK;
    while (got == BLOCK && !ahead->status) {
        got = 0;
        ahead->status =
            ahead->signal.read(ahead->signal.user, ahead->block, BLOCK, &got, &ahead->error);
        if (!bsm_sample_pipe_write(ahead->pipe, (const float *const *)ahead->block, got)) {
            break;
        }
    }
    bsm_sample_pipe_end(ahead->pipe);
    return NULL;
}

static bsm_status start(bsm_read_ahead *ahead, const char *name, bsm_error *error)
{
    const int failure = bsm_quiet_thread(&ahead->thread, read_all, ahead);
    ahead->running = failure == 0;
    return failure
               ? bsm_fail(error, BSM_NO_MEMORY, "%s: no thread for it: %s", name, strerror(failure))
               : BSM_OK;
}

bsm_status bsm_read_ahead_new(bsm_signal signal, size_t channels, size_t samples, const char *name,
                              bsm_read_ahead **ahead, bsm_error *error)
{
    *ahead = NULL;
    bsm_read_ahead *made = calloc(1, sizeof *made);
    if (made) {
        made->signal = signal;
        made->block = bsm_planes_new(channels, BLOCK);
        made->pipe = bsm_sample_pipe_new(channels, samples);
    }
    bsm_status status = made && made->block && made->pipe
                            ? start(made, name, error)
                            : bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    if (status) {
        bsm_read_ahead_free(made);
        return status;
    }
    *ahead = made;
    return BSM_OK;
}

void bsm_read_ahead_free(bsm_read_ahead *ahead)
{
    if (ahead) {
        if (ahead->running) {
            bsm_sample_pipe_stop(ahead->pipe);
            pthread_join(ahead->thread, NULL);
        }
        bsm_sample_pipe_free(ahead->pipe);
        free(ahead->block);
        free(ahead);
    }
}

static bsm_status read_signal(void *user, float *const *audio, size_t count, size_t *got,
                              bsm_error *error)
{
    bsm_read_ahead *ahead = user;
    *got = bsm_sample_pipe_read(ahead->pipe, audio, count);
    return *got < count && ahead->status
               ? bsm_fail(error, ahead->status, "%s", ahead->error.message)
               : BSM_OK;
}

bsm_signal bsm_read_ahead_signal(bsm_read_ahead *ahead)
{
    return (bsm_signal){ahead, read_signal};
}
