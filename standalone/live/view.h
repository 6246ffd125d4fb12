/* SPDX-License-Identifier: ISC */
/** What bsm-live tells about itself, on the terminal and in the file of statistics. */
#ifndef BSM_LIVE_VIEW_H
#define BSM_LIVE_VIEW_H

#include "bsm/remix.h"
#include "bsm/stream.h"

typedef struct live_view {
    const char *system; /**< "JACK" */
    const char *name;   /**< of the client or the device */
    size_t rate, block; /**< block 0: varies */
    const char *model;
    const char *device; /**< that computes */
    bsm_stream_stats stream;
    char failure[512];    /**< why the network has stopped; "": it has not */
    const char *too_slow; /**< what is to be said of a model that is; NULL: it is not */
    uint64_t xruns;
    float peak[BSM_NUM_PARTS]; /**< highest absolute sample lately, before the gain */
    bsm_remix_settings mix;
} live_view;

static inline double live_view_latency_ms(const live_view *view)
{
    return 1000.0 * (double)view->stream.latency / (double)view->rate;
}

#endif
