/* SPDX-License-Identifier: ISC */
/* Samples that are written by a thread of their own. */
#include "file/write_behind.h"

#include <stdlib.h>
#include <string.h>

#include "file/sample_pipe.h"
#include "quiet_thread.h"
#include "signal/planes.h"

enum { BLOCK = 4096 };

struct bsm_write_behind {
    bsm_write_fn *write;
    void *user;
    float **block; /* [channels][BLOCK] */
    bsm_sample_pipe *pipe;
    pthread_t thread;
    bool running;
    bsm_status status; /* the thread's, until it has stopped the pipe or ended */
    bsm_error error;
};

static void *write_all(void *opaque)
{
    bsm_write_behind *behind = opaque;
    size_t count = BLOCK;
    while (count == BLOCK && !behind->status) {
        count = bsm_sample_pipe_read(behind->pipe, behind->block, BLOCK);
        behind->status = behind->write(behind->user, behind->block, count, &behind->error);
    }
    if (behind->status) {
        bsm_sample_pipe_stop(behind->pipe);
    }
    return NULL;
}

static bsm_status start(bsm_write_behind *behind, const char *name, bsm_error *error)
{
    const int failure = bsm_quiet_thread(&behind->thread, write_all, behind);
    behind->running = failure == 0;
    return failure
               ? bsm_fail(error, BSM_NO_MEMORY, "%s: no thread for it: %s", name, strerror(failure))
               : BSM_OK;
}

bsm_status bsm_write_behind_new(bsm_write_fn *write, void *user, size_t channels, size_t samples,
                                const char *name, bsm_write_behind **behind, bsm_error *error)
{
    *behind = NULL;
    bsm_write_behind *made = calloc(1, sizeof *made);
    if (made) {
        made->write = write;
        made->user = user;
        made->block = bsm_planes_new(channels, BLOCK);
        made->pipe = bsm_sample_pipe_new(channels, samples);
    }
    bsm_status status = made && made->block && made->pipe
                            ? start(made, name, error)
                            : bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    if (status) {
        bsm_write_behind_free(made);
        return status;
    }
    *behind = made;
    return BSM_OK;
}

static bsm_status join(bsm_write_behind *behind, bsm_error *error)
{
    if (behind->running) {
        pthread_join(behind->thread, NULL);
        behind->running = false;
    }
    return behind->status ? bsm_fail(error, behind->status, "%s", behind->error.message) : BSM_OK;
}

void bsm_write_behind_free(bsm_write_behind *behind)
{
    if (behind) {
        if (behind->running) {
            bsm_sample_pipe_stop(behind->pipe);
            pthread_join(behind->thread, NULL);
        }
        bsm_sample_pipe_free(behind->pipe);
        free(behind->block);
        free(behind);
    }
}

bsm_status bsm_write_behind_add(bsm_write_behind *behind, float *const *audio, size_t count,
                                bsm_error *error)
{
    return bsm_sample_pipe_write(behind->pipe, (const float *const *)audio, count)
               ? BSM_OK
               : join(behind, error);
}

bsm_status bsm_write_behind_finish(bsm_write_behind *behind, bsm_error *error)
{
    bsm_sample_pipe_end(behind->pipe);
    return join(behind, error);
}
