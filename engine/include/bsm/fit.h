/* SPDX-License-Identifier: ISC */
/** Finds out whether and how a model can play live on this machine, before a stream is made. */
#ifndef BSM_FIT_H
#define BSM_FIT_H

#include "bsm/stream.h"

BSM_BEGIN_DECLS

typedef struct bsm_fit {
    bsm_stream_options options; /**< options for bsm_stream_new: the given ones, with the chosen
                                   latency, look-ahead and threads */
    bool fits;                  /**< whether the load stays under 70 % */
    double load;    /**< expected computing time / audio time of the most expensive blocks */
    double latency; /**< latency of these options in seconds */
    double speed;   /**< factor by which the machine would have to be faster; 1 or less if the model
                       fits */
    double enough;  /**< if the model does not fit: the latency in seconds with which it would; 0:
                       with none */
    char sentence[256]; /**< the result as a sentence */
} bsm_fit;

/** Measure a part of a block, for 0.3 s at most, and choose, in this order until the load is under
 *  70 %: one thread, if that has less than 25 % of load, else all; of the wished latency less for
 *  the look-ahead and more for the block, which changes the latency by no sample; more latency.
 *  What `wish` says itself stays as it is: precision, a number of threads, commit, a look-ahead to
 *  keep, memory.
 *
 *  @param wish  as for bsm_stream_new; the latency is where the choice begins
 *  @param most  seconds: the latency that it may go up to; up to the wished one, that is not
 * changed
 *  @return as bsm_stream_new. Not for the audio thread. */
BSM_API BSM_NODISCARD bsm_status bsm_fit_stream(bsm_model *model, const bsm_stream_options *wish,
                                                double most, bsm_fit *fit, bsm_error *error);

BSM_END_DECLS

#endif
