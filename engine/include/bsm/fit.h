/* SPDX-License-Identifier: ISC */
/** Find out whether a model can play live on this machine, and with which options, before a stream
 *  is made. */
#ifndef BSM_FIT_H
#define BSM_FIT_H

#include "bsm/stream.h"

BSM_BEGIN_DECLS

typedef struct bsm_fit {
    bsm_stream_options options; /**< for bsm_stream_new: the requested options, with the blocks, the
                                     latency and the number of threads that were chosen */
    bool fits;                  /**< the load is at most 70 % */
    double load;                /**< the expected computing time / audio time of the most expensive
                                     blocks */
    double latency;             /**< the latency of these options in seconds */
    double speed;               /**< how many times faster the machine would have to be; at most 1
                                     if the model fits */
    double enough;              /**< if the model does not fit: a latency, up to 30 s, with which it
                                     would; 0 if there is none, or if the blocks were given */
    char sentence[256];         /**< the same in words, for the user */
} bsm_fit;

/** Measure how long a part of a block takes, and choose the options of a stream.
 *
 *  One thread is chosen if its load is less than 25 %, otherwise all processors. Then, until the
 *  load is at most 70 %, blocks are made longer at the cost of their look-ahead, which does not
 *  change the latency by a single sample, and after that the latency is raised. What `wish`
 *  specifies is kept: the device, the precision, a number of threads, `commit` with its look-ahead,
 *  a look-ahead to keep, and the memory.
 *
 *  The measurement takes 0.1 s with one thread and, if that is not enough, 0.1 s with more; longer
 *  only if one layer takes longer. Opening the network adds to that. Not for the audio thread.
 *
 *  @param wish  as for bsm_stream_new; its latency is the lowest that is tried
 *  @param most  the highest latency that may be chosen, in seconds; if it is not above that of
 *               `wish`, the latency is not raised
 *  @return as bsm_stream_new */
BSM_API BSM_NODISCARD bsm_status bsm_fit_stream(bsm_model *model, const bsm_stream_options *wish,
                                                double most, bsm_fit *fit, bsm_error *error);

BSM_END_DECLS

#endif
