/* SPDX-License-Identifier: ISC */
/* A pipe of samples, and a thread at one end of it. */
#include "file/sample_pipe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "signal/signal.h"

/* A bounded buffer between two threads. Both copy without holding the lock: each owns the part
 * that it copies until it announces the contrary. */

struct bsm_sample_pipe {
    size_t channels, capacity;
    float **planes;           /* [channels][capacity] */
    size_t write_at, read_at; /* indices into the planes: the writer's own, and the reader's own */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* one of the following has changed */
    size_t waiting;         /* samples that wait to be read */
    bool ended, stopped;
    bsm_sample_queue beside;
};

bsm_sample_pipe *bsm_sample_pipe_new(size_t channels, size_t beside, size_t capacity)
{
    bsm_sample_pipe *pipe = calloc(1, sizeof *pipe);
    float **planes = bsm_planes_new(channels, capacity);
    if (!pipe || !planes) {
        free(pipe);
        free(planes);
        return NULL;
    }
    pipe->channels = channels;
    pipe->capacity = capacity;
    pipe->planes = planes;
    bsm_sample_queue_init(&pipe->beside, beside);
    pthread_mutex_init(&pipe->lock, NULL);
    pthread_cond_init(&pipe->changed, NULL);
    return pipe;
}

void bsm_sample_pipe_free(bsm_sample_pipe *pipe)
{
    if (pipe) {
        pthread_cond_destroy(&pipe->changed);
        pthread_mutex_destroy(&pipe->lock);
        bsm_sample_queue_clear(&pipe->beside);
        free(pipe->planes);
        free(pipe);
    }
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Wait for room; returns for how many samples there is room, or 0 if the pipe was stopped. */
static size_t wait_for_room(bsm_sample_pipe *pipe)
{
    pthread_mutex_lock(&pipe->lock);
    while (pipe->waiting == pipe->capacity && !pipe->stopped) {
        pthread_cond_wait(&pipe->changed, &pipe->lock);
    }
    const size_t room = pipe->stopped ? 0 : pipe->capacity - pipe->waiting;
    pthread_mutex_unlock(&pipe->lock);
    return room;
}

/* Wait for samples; returns how many can be read, or 0 at the end. */
static size_t wait_for_samples(bsm_sample_pipe *pipe)
{
    pthread_mutex_lock(&pipe->lock);
    while (pipe->waiting == 0 && !pipe->ended && !pipe->stopped) {
        pthread_cond_wait(&pipe->changed, &pipe->lock);
    }
    const size_t waiting = pipe->stopped ? 0 : pipe->waiting;
    pthread_mutex_unlock(&pipe->lock);
    return waiting;
}

static void change(bsm_sample_pipe *pipe, size_t written, size_t read)
{
    pthread_mutex_lock(&pipe->lock);
    pipe->waiting += written;
    pipe->waiting -= read;
    pthread_cond_signal(&pipe->changed); /* only the other side can be waiting */
    pthread_mutex_unlock(&pipe->lock);
}

bool bsm_sample_pipe_write(bsm_sample_pipe *pipe, const float *const *audio, size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t part = min(wait_for_room(pipe), count - done);
        if (part == 0) {
            return false;
        }
        part = min(part, pipe->capacity - pipe->write_at);
        for (size_t c = 0; c < pipe->channels; c++) {
            memcpy(pipe->planes[c] + pipe->write_at, audio[c] + done, part * sizeof(float));
        }
        pipe->write_at = (pipe->write_at + part) % pipe->capacity;
        done += part;
        change(pipe, part, 0);
    }
    return true;
}

size_t bsm_sample_pipe_read(bsm_sample_pipe *pipe, float *const *audio, size_t count)
{
    size_t done = 0;
    while (done < count) {
        size_t part = min(wait_for_samples(pipe), count - done);
        if (part == 0) {
            break;
        }
        part = min(part, pipe->capacity - pipe->read_at);
        for (size_t c = 0; c < pipe->channels; c++) {
            memcpy(audio[c] + done, pipe->planes[c] + pipe->read_at, part * sizeof(float));
        }
        pipe->read_at = (pipe->read_at + part) % pipe->capacity;
        done += part;
        change(pipe, 0, part);
    }
    return done;
}

bsm_status bsm_sample_pipe_put_beside(bsm_sample_pipe *pipe, bsm_sample_queue *queue,
                                      bsm_error *error)
{
    pthread_mutex_lock(&pipe->lock);
    const bsm_status status = bsm_sample_queue_move(&pipe->beside, queue, error);
    pthread_mutex_unlock(&pipe->lock);
    return status;
}

bsm_status bsm_sample_pipe_take_beside(bsm_sample_pipe *pipe, bsm_sample_queue *queue,
                                       bsm_error *error)
{
    pthread_mutex_lock(&pipe->lock);
    const bsm_status status = bsm_sample_queue_move(queue, &pipe->beside, error);
    pthread_mutex_unlock(&pipe->lock);
    return status;
}

void bsm_sample_pipe_end(bsm_sample_pipe *pipe)
{
    pthread_mutex_lock(&pipe->lock);
    pipe->ended = true;
    pthread_cond_broadcast(&pipe->changed);
    pthread_mutex_unlock(&pipe->lock);
}

void bsm_sample_pipe_stop(bsm_sample_pipe *pipe)
{
    pthread_mutex_lock(&pipe->lock);
    pipe->stopped = true;
    pthread_cond_broadcast(&pipe->changed);
    pthread_mutex_unlock(&pipe->lock);
}

/* ---- A thread at one end of a pipe of samples ---- */

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
