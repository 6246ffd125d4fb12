/* SPDX-License-Identifier: ISC */
/* Writes samples in a thread of its own. */
#include "file/sample_pipe.h"

#include <stdlib.h>

struct bsm_write_behind {
    bsm_write_fn *write;
    void *user;
    bsm_sample_queue *beside; /* NULL: nothing comes there */
    bsm_pipe_thread end;      /* where `write` finds the original samples */
};

static void *write_all(void *opaque)
{
    bsm_write_behind *behind = opaque;
    bsm_pipe_thread *end = &behind->end;
    size_t count = BSM_PIPE_BLOCK;
    while (count == BSM_PIPE_BLOCK && !end->status) {
        count = bsm_sample_pipe_read(end->pipe, end->block, BSM_PIPE_BLOCK);
        if (behind->beside) {
            end->status = bsm_sample_pipe_take_beside(end->pipe, behind->beside, &end->error);
        }
        if (!end->status) {
            end->status = behind->write(behind->user, end->block, count, &end->error);
        }
    }
    if (end->status) {
        bsm_sample_pipe_stop(end->pipe);
    }
    return NULL;
}

bsm_status bsm_write_behind_new(bsm_write_fn *write, void *user, size_t channels,
                                bsm_sample_queue *beside, size_t samples, const char *name,
                                bsm_write_behind **behind, bsm_error *error)
{
    *behind = NULL;
    bsm_write_behind *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    }
    made->write = write;
    made->user = user;
    made->beside = beside;
    bsm_status status = bsm_pipe_thread_start(&made->end, channels, beside ? beside->channels : 0,
                                              samples, write_all, made, name, error);
    if (status) {
        bsm_write_behind_free(made);
        return status;
    }
    *behind = made;
    return BSM_OK;
}

void bsm_write_behind_free(bsm_write_behind *behind)
{
    if (behind) {
        bsm_pipe_thread_free(&behind->end);
        free(behind);
    }
}

bsm_status bsm_write_behind_add(bsm_write_behind *behind, float *const *audio, size_t count,
                                bsm_sample_queue *beside, bsm_error *error)
{
    bsm_status status =
        beside ? bsm_sample_pipe_put_beside(behind->end.pipe, beside, error) : BSM_OK;
    if (status) {
        return status;
    }
    return bsm_sample_pipe_write(behind->end.pipe, (const float *const *)audio, count)
               ? BSM_OK
               : bsm_pipe_thread_join(&behind->end, error);
}

bsm_status bsm_write_behind_finish(bsm_write_behind *behind, bsm_error *error)
{
    bsm_sample_pipe_end(behind->end.pipe);
    return bsm_pipe_thread_join(&behind->end, error);
}
