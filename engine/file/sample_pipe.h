/* SPDX-License-Identifier: ISC */
/** Samples on their way from one thread to another, a plane per channel: a bounded buffer, in which
 *  each waits for the other. Beside them go samples of another rate, as many as their writer likes:
 *  what was put there before a sample was written is there once it is read. Not for the audio
 *  thread. */
#ifndef BSM_FILE_SAMPLE_PIPE_H
#define BSM_FILE_SAMPLE_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "signal/sample_queue.h"

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

#endif
