/* SPDX-License-Identifier: ISC */
/** What the loader and the stream have to tell the host. */
#ifndef BSM_PLUGIN_NEWS_H
#define BSM_PLUGIN_NEWS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bsm/attributes.h"
#include "bsm/stream.h"

/* What the loader has to say to the host, from its threads to run(): the newest counts. */

enum { BSM_PATH_SIZE = 4096, BSM_STATUS_SIZE = 640 };

/** As text. */
typedef struct bsm_news {
    char model[BSM_PATH_SIZE];    /**< the model parameter's value */
    char status[BSM_STATUS_SIZE]; /**< "loading: ...", "ready: ...", "too slow ...", "failed: ...",
                                     "no model: ..." */
} bsm_news;

/** On the way. */
typedef struct bsm_news_board {
    _Atomic unsigned edition; /**< odd while it is being written */
    _Atomic char text[sizeof(bsm_news)];
} bsm_news_board;

/** One thread at a time. */
void bsm_news_put(bsm_news_board *board, const bsm_news *news);

/** True, and the news, if they are of another edition than `seen`, which becomes theirs. */
BSM_REALTIME bool bsm_news_take(const bsm_news_board *board, unsigned *seen, bsm_news *news);

/* What goes wrong with what plays, as a status: the network has stopped, or it is late. */

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
