/* SPDX-License-Identifier: ISC */
/** Warms up a voice that is to follow another: it processes the last seconds before it is heard.
 *
 *  The worker computes its blocks while the span that is heard has nothing to do, from input that
 *  the ring still holds. When it has reached the present, it takes over. All of this belongs to
 *  the worker. */
#ifndef BSM_STREAM_WARM_UP_H
#define BSM_STREAM_WARM_UP_H

#include "stream/span.h"

/** Begin to warm stream->next up beside the span that is heard, unless that would not help or
 *  there is no time for it. */
void bsm_warm_up_begin(const bsm_span *heard);

/** Compute a block if its input is there. False if there is nothing to do now. */
bool bsm_warm_up_step(bsm_span *heard);

/** Whether stream->next may take over: it has reached the present, or never will. */
bool bsm_warm_up_is_over(const bsm_stream *stream);

/** If the first results of the warm voice come no earlier than those that are heard, let it take
 *  over at one of its next results, so that all of them have their full look-ahead. Otherwise
 *  false. */
bool bsm_warm_up_hands_over(bsm_span *heard);

/** End the warm-up. The voice goes on from what it has processed, unless it must `forget`. */
void bsm_warm_up_end(bsm_stream *stream, bool forget);

#endif
