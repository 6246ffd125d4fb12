/* SPDX-License-Identifier: ISC */
/** Passes samples from one thread to another: a signal that is read ahead of its use, and samples
 *  that are written later. */
#ifndef BSM_FILE_SAMPLE_PIPE_H
#define BSM_FILE_SAMPLE_PIPE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"
#include "signal/signal.h"

/* A pipe: a bounded buffer of samples, a plane per channel, at whose ends two threads wait for
 * each other. A second, unbounded queue runs beside it, for samples at another rate: those that
 * were put there before a sample was written are there once that sample is read. Not for the audio
 * thread. */

typedef struct bsm_sample_pipe bsm_sample_pipe;

/** Make a pipe; NULL when out of memory.
 *  @param beside   channels of the second queue
 *  @param capacity samples per channel that may wait to be read */
bsm_sample_pipe *bsm_sample_pipe_new(size_t channels, size_t beside, size_t capacity);
void bsm_sample_pipe_free(bsm_sample_pipe *pipe);

/** Write samples, and wait for room. False if the pipe was stopped before all were written. */
bool bsm_sample_pipe_write(bsm_sample_pipe *pipe, const float *const *audio, size_t count);

/** Move all samples that wait in `queue` to the second queue, before the next write. */
BSM_NODISCARD bsm_status bsm_sample_pipe_put_beside(bsm_sample_pipe *pipe, bsm_sample_queue *queue,
                                                    bsm_error *error);

/** Append all samples of the second queue to `queue`. */
BSM_NODISCARD bsm_status bsm_sample_pipe_take_beside(bsm_sample_pipe *pipe, bsm_sample_queue *queue,
                                                     bsm_error *error);

/** The writer announces that nothing follows. */
void bsm_sample_pipe_end(bsm_sample_pipe *pipe);

/** Wait for `count` samples per channel and read them. Returns how many there were: fewer at the
 *  end, or after the pipe was stopped. */
size_t bsm_sample_pipe_read(bsm_sample_pipe *pipe, float *const *audio, size_t count);

/** Stop the pipe: neither side waits any longer. */
void bsm_sample_pipe_stop(bsm_sample_pipe *pipe);

/* ---- A thread at one end of a pipe of samples ---- */

enum { BSM_PIPE_BLOCK = 4096 };

typedef struct bsm_pipe_thread {
    bsm_sample_pipe *pipe;
    float **block; /**< [channels][BSM_PIPE_BLOCK]: for the thread */
    pthread_t thread;
    bool running;
    bsm_status status; /**< set by the thread; valid once it has ended or stopped the pipe */
    bsm_error error;
} bsm_pipe_thread;

/** Start `run(user)` with a pipe that holds `samples` per channel, and `beside` channels in its
 *  second queue. `name` begins messages. After a failure bsm_pipe_thread_free must be called, too.
 *  BSM_NO_MEMORY; BSM_IO: the system grants no thread. */
BSM_NODISCARD bsm_status bsm_pipe_thread_start(bsm_pipe_thread *t, size_t channels, size_t beside,
                                               size_t samples, void *(*run)(void *), void *user,
                                               const char *name, bsm_error *error);

/** Wait for the thread to end, and return its status. */
BSM_NODISCARD bsm_status bsm_pipe_thread_join(bsm_pipe_thread *t, bsm_error *error);

/** Stop the pipe, wait for the thread, and free its memory. */
void bsm_pipe_thread_free(bsm_pipe_thread *t);

/* ---- A signal that a thread of its own reads ahead of its use ---- */

typedef struct bsm_read_ahead bsm_read_ahead;

/** Begin to read `signal`, which belongs to the thread until this is freed, up to `samples` per
 *  channel ahead. If `beside` is not NULL, samples that reading puts there are passed on, too.
 *  `name` begins messages. BSM_NO_MEMORY; BSM_IO: no thread. */
BSM_NODISCARD bsm_status bsm_read_ahead_new(bsm_signal signal, size_t channels,
                                            bsm_sample_queue *beside, size_t samples,
                                            const char *name, bsm_read_ahead **ahead,
                                            bsm_error *error);
void bsm_read_ahead_free(bsm_read_ahead *ahead);

/** The same signal, from the samples that have been read. An error of the original comes after all
 *  samples before it. */
bsm_signal bsm_read_ahead_signal(bsm_read_ahead *ahead);

/** Take the samples that were passed on: at least those that belong to the part of the signal that
 *  has been read. */
BSM_NODISCARD bsm_status bsm_read_ahead_take_beside(bsm_read_ahead *ahead, bsm_sample_queue *queue,
                                                    bsm_error *error);

/* Samples that a thread of its own writes while the next ones are computed. */

typedef struct bsm_write_behind bsm_write_behind;

/** Writes samples to their destination, a plane per channel. */
typedef bsm_status bsm_write_fn(void *user, float *const *audio, size_t count, bsm_error *error);

/** Start a thread that passes samples to `write`, up to `samples` per channel later. What was
 *  added beside them is in `beside`, which belongs to the thread until this has finished. `name`
 *  begins messages. BSM_NO_MEMORY; BSM_IO: no thread. */
BSM_NODISCARD bsm_status bsm_write_behind_new(bsm_write_fn *write, void *user, size_t channels,
                                              bsm_sample_queue *beside, size_t samples,
                                              const char *name, bsm_write_behind **behind,
                                              bsm_error *error);

/** Stop, and drop what has not been written yet. */
void bsm_write_behind_free(bsm_write_behind *behind);

/** Add samples and, if `beside` is not NULL, everything that waits in it. Returns the error of
 *  `write` for these or earlier samples. */
BSM_NODISCARD bsm_status bsm_write_behind_add(bsm_write_behind *behind, float *const *audio,
                                              size_t count, bsm_sample_queue *beside,
                                              bsm_error *error);

/** Wait until everything has been written. Nothing may be added afterwards. */
BSM_NODISCARD bsm_status bsm_write_behind_finish(bsm_write_behind *behind, bsm_error *error);

#endif
