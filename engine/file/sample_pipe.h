/* SPDX-License-Identifier: ISC */
/** Samples on their way from one thread to another, a plane per channel: a bounded buffer, in which
 *  each waits for the other. Not for the audio thread. */
#ifndef BSM_FILE_SAMPLE_PIPE_H
#define BSM_FILE_SAMPLE_PIPE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bsm_sample_pipe bsm_sample_pipe;

/** NULL: out of memory.
 *  @param capacity samples per channel that may wait to be read */
bsm_sample_pipe *bsm_sample_pipe_new(size_t channels, size_t capacity);
void bsm_sample_pipe_free(bsm_sample_pipe *pipe);

/** Waits for room. False: the pipe has been stopped, and not all was written. */
bool bsm_sample_pipe_write(bsm_sample_pipe *pipe, const float *const *audio, size_t count);

/** The writer's last word: nothing follows. */
void bsm_sample_pipe_end(bsm_sample_pipe *pipe);

/** Waits for `count` samples per channel; returns how many there were: fewer at the end, or once
 *  the pipe has been stopped. */
size_t bsm_sample_pipe_read(bsm_sample_pipe *pipe, float *const *audio, size_t count);

/** Nobody waits any more, on either side. */
void bsm_sample_pipe_stop(bsm_sample_pipe *pipe);

#endif
