/* SPDX-License-Identifier: ISC */
/** Samples on their way from one thread to another: a signal that is read ahead of its use, and
 * samples that are written behind. */
#ifndef BSM_FILE_SAMPLE_PIPE_H
#define BSM_FILE_SAMPLE_PIPE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"
#include "signal/signal.h"

/* Samples on their way from one thread to another, a plane per channel: a bounded buffer, in which
 *  each waits for the other. Beside them go samples of another rate, as many as their writer likes:
 *  what was put there before a sample was written is there once it is read. Not for the audio
 *  thread. */

typedef struct bsm_sample_pipe bsm_sample_pipe;

/** NULL: out of memory.
 *  @param beside   channels of what goes beside
 *  @param capacity samples per channel that may wait to be read */
bsm_sample_pipe *bsm_sample_pipe_new(size_t channels, size_t beside, size_t capacity);
void bsm_sample_pipe_free(bsm_sample_pipe *pipe);

/** Waits for room. False: the pipe has been stopped, and not all was written. */
bool bsm_sample_pipe_write(bsm_sample_pipe *pipe, const float *const *audio, size_t count);

/** All that waits in `queue` goes beside what is written next. */
BSM_NODISCARD bsm_status bsm_sample_pipe_put_beside(bsm_sample_pipe *pipe, bsm_sample_queue *queue,
                                                    bsm_error *error);

/** Take all that lies beside, behind what waits in `queue`. */
BSM_NODISCARD bsm_status bsm_sample_pipe_take_beside(bsm_sample_pipe *pipe, bsm_sample_queue *queue,
                                                     bsm_error *error);

/** The writer's last word: nothing follows. */
void bsm_sample_pipe_end(bsm_sample_pipe *pipe);

/** Waits for `count` samples per channel; returns how many there were: fewer at the end, or once
 *  the pipe has been stopped. */
size_t bsm_sample_pipe_read(bsm_sample_pipe *pipe, float *const *audio, size_t count);

/** Nobody waits any more, on either side. */
void bsm_sample_pipe_stop(bsm_sample_pipe *pipe);

/* ---- A thread at one end of a pipe of samples ---- */

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

/* ---- A signal that is read ahead of its use, by a thread of its own ---- */

typedef struct bsm_read_ahead bsm_read_ahead;

/** Begin to read `signal`, which is left to the thread until this is freed, up to `samples` per
 *  channel ahead. What its reading leaves in `beside`, if that is not NULL, goes along. Messages
 * begin with `name`. BSM_NO_MEMORY; BSM_IO: no thread. */
BSM_NODISCARD bsm_status bsm_read_ahead_new(bsm_signal signal, size_t channels,
                                            bsm_sample_queue *beside, size_t samples,
                                            const char *name, bsm_read_ahead **ahead,
                                            bsm_error *error);
void bsm_read_ahead_free(bsm_read_ahead *ahead);

/** The same signal, from what has been read. An error of it comes when all before it has been
 *  given. */
bsm_signal bsm_read_ahead_signal(bsm_read_ahead *ahead);

/** Take what has come along, at the least with what has been read of the signal. */
BSM_NODISCARD bsm_status bsm_read_ahead_take_beside(bsm_read_ahead *ahead, bsm_sample_queue *queue,
                                                    bsm_error *error);

/* Samples that are written by a thread of their own, while the next ones are computed. */

typedef struct bsm_write_behind bsm_write_behind;

/** Takes samples to where they belong, a plane per channel. */
typedef bsm_status bsm_write_fn(void *user, float *const *audio, size_t count, bsm_error *error);

/** Begin a thread that hands what is added to `write`, up to `samples` per channel later. It finds
 *  what was added beside it in `beside`, which is the thread's until this has finished. Messages
 *  begin with `name`. BSM_NO_MEMORY; BSM_IO: no thread. */
BSM_NODISCARD bsm_status bsm_write_behind_new(bsm_write_fn *write, void *user, size_t channels,
                                              bsm_sample_queue *beside, size_t samples,
                                              const char *name, bsm_write_behind **behind,
                                              bsm_error *error);

/** Gives up what has not been written yet. */
void bsm_write_behind_free(bsm_write_behind *behind);

/** Add samples, and beside them all that waits in `beside`, if that is not NULL. What `write` says
 * against it, of these samples or of earlier ones. */
BSM_NODISCARD bsm_status bsm_write_behind_add(bsm_write_behind *behind, float *const *audio,
                                              size_t count, bsm_sample_queue *beside,
                                              bsm_error *error);

/** Wait until all has been written. Nothing may be added then. */
BSM_NODISCARD bsm_status bsm_write_behind_finish(bsm_write_behind *behind, bsm_error *error);

#endif
