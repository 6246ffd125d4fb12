/* SPDX-License-Identifier: ISC */
/* Reads a signal in a thread of its own. */
#include "file/sample_pipe.h"

#include <stdlib.h>

struct bsm_read_ahead {
    bsm_signal signal;
    bsm_sample_queue *beside; /* NULL: nothing is read there */
    bsm_pipe_thread end;      /* where the signal puts the original samples */
};

static void *read_all(void *opaque)
{
    bsm_read_ahead *ahead = opaque;
    bsm_pipe_thread *end = &ahead->end;
    size_t got = BSM_PIPE_BLOCK;
    while (got == BSM_PIPE_BLOCK && !end->status) {
        got = 0;
        bsm_error error;
        end->status =
            ahead->signal.read(ahead->signal.user, end->block, BSM_PIPE_BLOCK, &got, &end->error);
        if (ahead->beside && bsm_sample_pipe_put_beside(end->pipe, ahead->beside, &error) &&
            !end->status) {
            end->status = error.status;
            end->error = error;
        }
        if (!bsm_sample_pipe_write(end->pipe, (const float *const *)end->block, got)) {
            break;
        }
    }
    bsm_sample_pipe_end(end->pipe);
    return NULL;
}

bsm_status bsm_read_ahead_new(bsm_signal signal, size_t channels, bsm_sample_queue *beside,
                              size_t samples, const char *name, bsm_read_ahead **ahead,
                              bsm_error *error)
{
    *ahead = NULL;
    bsm_read_ahead *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    }
    made->signal = signal;
    made->beside = beside;
    bsm_status status = bsm_pipe_thread_start(&made->end, channels, beside ? beside->channels : 0,
                                              samples, read_all, made, name, error);
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
        bsm_pipe_thread_free(&ahead->end);
        free(ahead);
    }
}

static bsm_status read_signal(void *user, float *const *audio, size_t count, size_t *got,
                              bsm_error *error)
{
    bsm_read_ahead *ahead = user;
    *got = bsm_sample_pipe_read(ahead->end.pipe, audio, count);
    return *got < count ? bsm_pipe_thread_join(&ahead->end, error) : BSM_OK;
}

bsm_signal bsm_read_ahead_signal(bsm_read_ahead *ahead)
{
    return (bsm_signal){ahead, read_signal};
}

bsm_status bsm_read_ahead_take_beside(bsm_read_ahead *ahead, bsm_sample_queue *queue,
                                      bsm_error *error)
{
    return bsm_sample_pipe_take_beside(ahead->end.pipe, queue, error);
}
