/* SPDX-License-Identifier: ISC */
/** News from the loader and the stream for the host. */
#ifndef BSM_PLUGIN_NEWS_H
#define BSM_PLUGIN_NEWS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bsm/attributes.h"
#include "bsm/stream.h"

/* News of the loader, passed from its threads to run(). Only the latest news count. */

enum { BSM_PATH_SIZE = 4096, BSM_STATUS_SIZE = 640 };

/** The news as text. */
typedef struct bsm_news {
    char model[BSM_PATH_SIZE];    /**< the model parameter's value */
    char status[BSM_STATUS_SIZE]; /**< "loading: ...", "ready: ...", "too slow ...", "failed: ..."
                                       or "no model: ..." */
} bsm_news;

/** The news on their way from one thread to another, without a lock. */
typedef struct bsm_news_board {
    _Atomic unsigned edition; /**< odd while `text` is being written */
    _Atomic char text[sizeof(bsm_news)];
} bsm_news_board;

/** Publish news. Called by one thread at a time. */
void bsm_news_put(bsm_news_board *board, const bsm_news *news);

/** If there is another edition than `*seen`, copy the news, set `*seen` to that edition and return
 *  true. Audio thread. */
BSM_REALTIME bool bsm_news_take(const bsm_news_board *board, unsigned *seen, bsm_news *news);

/* Trouble of the network that plays, which becomes a status: it has stopped, or it is late. */

/** The trouble that the host has been told about. */
typedef struct bsm_trouble {
    bsm_status stopped;
    bool late;
    uint64_t due; /**< number of processed samples at which the load is told again */
} bsm_trouble;

/** Whether there is something new to tell, which `told` then contains. The beginning and the end of
 *  trouble are told at once; as long as the network is late, its load is told once per second,
 *  which is `rate` samples. Audio thread. */
BSM_REALTIME bool bsm_trouble_is_new(bsm_trouble *told, const bsm_stream_stats *stats, size_t rate);

/** If there is trouble, write the status that replaces the status `news` to `status`, which has
 *  BSM_STATUS_SIZE bytes, and return true. While a model is loading, or after one could not be
 *  loaded, lateness of the current one is not reported. Any thread. */
BSM_REALTIME bool bsm_trouble_status(const bsm_stream *stream, const char *news, char *status);

#endif
