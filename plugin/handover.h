/* SPDX-License-Identifier: ISC */
/** The stream that is heard, and the change to another one.
 *
 *  A new stream knows nothing yet: it gives silence for as long as its latency. So the old one is
 *  heard until the new one has filled up, then they crossfade, and the reported latency changes. */
#ifndef BSM_PLUGIN_HANDOVER_H
#define BSM_PLUGIN_HANDOVER_H

#include "controls.h"
#include "loading.h"

typedef struct bsm_handover {
    bsm_loader *loader;
    bsm_delivery *newest; /**< the last one taken, for what it says */
    bsm_stream *stream;   /**< to be heard, or heard already */
    bsm_stream *outgoing; /**< heard still; NULL: no change is going on */
    bsm_delivery *hearse; /**< carries `outgoing` away afterwards */
    uint64_t age;         /**< samples that `stream` has taken */
    size_t fade, fade_left, warm_left;
    size_t silence_left;    /**< samples from before an activation, which are not to be heard */
    uint64_t misses_before; /**< of streams that are gone */
    bool to_collect;        /**< something was discarded since the host was last told */
    size_t room;            /**< samples of each scratch buffer */
    float *scratch;         /**< [parts and outgoing parts][vocals, instrumental][2][room] */
} bsm_handover;

/** Take the loader's first delivery. */
BSM_NODISCARD bsm_status bsm_handover_init(bsm_handover *handover, bsm_loader *loader,
                                           bsm_error *error);
void bsm_handover_free(bsm_handover *handover);

/** Forget what was heard: for activate(). */
void bsm_handover_restart(bsm_handover *handover);

/** Look for a delivery; true if there was one. */
BSM_REALTIME bool bsm_handover_receive(bsm_handover *handover);

/** Put at most `room` samples through. The result lasts until the next call; no buffer of the
 *  host's is written. */
BSM_REALTIME bsm_parts bsm_handover_process(bsm_handover *handover, const float *const in[2],
                                            size_t frames);

BSM_REALTIME void bsm_handover_set_freewheel(bsm_handover *handover, bool freewheel);

/** Samples of latency of what is heard. */
BSM_REALTIME size_t bsm_handover_latency(const bsm_handover *handover);

/** Those of the newest stream, but misses of all. */
BSM_REALTIME bsm_stream_stats bsm_handover_stats(const bsm_handover *handover);

#endif
