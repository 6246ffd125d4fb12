/* SPDX-License-Identifier: ISC */
/** What goes wrong with what plays, as a status: the network has stopped, or it is late. */
#ifndef BSM_PLUGIN_TROUBLE_H
#define BSM_PLUGIN_TROUBLE_H

#include "bsm/stream.h"
#include "news.h"

/** What the host has been told of it. */
typedef struct bsm_trouble {
    bsm_status stopped;
    bool late;
    uint64_t due; /**< samples after which the load is told again */
} bsm_trouble;

/** Whether there is something new to tell: at once what begins and ends, the load of a network that
 *  is late once in a second, which is `rate` samples. */
BSM_REALTIME bool bsm_trouble_is_new(bsm_trouble *told, const bsm_stream_stats *stats, size_t rate);

/** The status that takes the place of `news`, BSM_STATUS_SIZE bytes; false: none does. What is
 *  loading or has failed to load is told before that the last one is late. */
BSM_REALTIME bool bsm_trouble_status(const bsm_stream *stream, const char *news, char *status);

#endif
