/* SPDX-License-Identifier: ISC */
/** Whether a model can play live on this machine, and how: what is best asked before a stream is
 *  made. */
#ifndef BSM_FIT_H
#define BSM_FIT_H

#include "bsm/stream.h"

BSM_BEGIN_DECLS

typedef struct bsm_fit {
    bsm_stream_options options; /**< for bsm_stream_new: what was asked for, with the latency,
                                     look-ahead, precision and threads that were chosen */
    bool fits;                  /**< its load stays under 70 % */
    double load;                /**< expected: computing time / audio time */
    double latency;             /**< of these options, seconds */
    double speed;               /**< how many times faster the machine would have to be; 1 or less
                                     if it fits */
    double enough;              /**< if it does not fit: the latency, seconds, that would do; 0:
                                     none would */
    char sentence[256];         /**< the same in words */
} bsm_fit;

/** Measure a part of a block, for 0.3 s at most, and choose, in this order until the load is under
 *  70 %: less exact products where the processor has fast ones (bfloat16, 40 dB of signal to error
 *  or more), less look-ahead, more latency. One thread, if it needs less than a quarter of the
 *  time. What `wish` says itself stays as it is: commit, a precision other than float32, a number
 *  of threads, a look-ahead to keep.
 *
 *  @param wish  as for bsm_stream_new; the latency is where the choice begins
 *  @param most  seconds: the latency that it may go up to
 *  @return as bsm_stream_new. Not for the audio thread. */
BSM_API BSM_NODISCARD bsm_status bsm_fit_stream(bsm_model *model, const bsm_stream_options *wish,
                                                double most, bsm_fit *fit, bsm_error *error);

BSM_END_DECLS

#endif
