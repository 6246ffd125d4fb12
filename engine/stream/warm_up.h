/* SPDX-License-Identifier: ISC */
/** A voice that is to follow another hears the last seconds before it is heard itself.
 *
 *  The worker computes its blocks while the one that is heard has nothing to do, from input that
 * the ring still holds, up to the present: then it takes over. All of this is the worker's own. */
#ifndef BSM_STREAM_WARM_UP_H
#define BSM_STREAM_WARM_UP_H

#include "stream/span.h"

/** Begin, for stream->next beside the span that is heard; not where it would not help or there is
 *  no time for it. */
void bsm_warm_up_begin(const bsm_span *heard);

/** Compute a block, if its input is there; false: there is nothing to do now. */
bool bsm_warm_up_step(bsm_span *heard);

/** Whether stream->next may take over: it has come to the present, or never will. */
bool bsm_warm_up_is_over(const bsm_stream *stream);

/** If its results come no earlier than those that are heard, let it take over from a next one of
 * them on, so that all of them have the whole of their look-ahead. Else false. */
bool bsm_warm_up_hands_over(bsm_span *heard);

/** Give it up. The voice goes on from what it has heard, unless it shall `forget`. */
void bsm_warm_up_end(bsm_stream *stream, bool forget);

#endif
