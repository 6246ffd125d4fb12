/* SPDX-License-Identifier: ISC */
/** The messages of the loader and the stream for the host. */
#ifndef BSM_PLUGIN_NEWS_H
#define BSM_PLUGIN_NEWS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bsm/attributes.h"
#include "bsm/stream.h"

/* The messages of the loader on their way from its threads to run(). Only the newest counts. */

enum { BSM_PATH_SIZE = 4096, BSM_STATUS_SIZE = 640 };

/** The messages as text. */
typedef struct bsm_news {
    char model[BSM_PATH_SIZE];    /**< the model parameter's value */
    char status[BSM_STATUS_SIZE]; /**< "loading: ...", "ready: ...", "too slow ...", "failed: ...",
                                     "no model: ..." */
} bsm_news;

/** The messages on their way, as words that are written and read atomically. */
typedef struct bsm_news_board {
    _Atomic unsigned edition; /**< odd while the text is being written */
    _Atomic char text[sizeof(bsm_news)];
} bsm_news_board;

/** Publish new messages. One thread at a time. */
void bsm_news_put(bsm_news_board *board, const bsm_news *news);

/** If there are messages of another edition than `seen`, copy them, set `seen` to their edition and
 *  return true. */
BSM_REALTIME bool bsm_news_take(const bsm_news_board *board, unsigned *seen, bsm_news *news);

/* Trouble with the model that is heard, as a status: the network has stopped, or it is late. */

/** The trouble that the host has been told of. */
typedef struct bsm_trouble {
    bsm_status stopped;
    bool late;
    uint64_t due; /**< samples until the load is reported again */
} bsm_trouble;

/** Return true if there is something new to report. The beginning and the end of trouble are
 *  reported at once, the load of a network that is late once in a second (`rate` samples). */
BSM_REALTIME bool bsm_trouble_is_new(bsm_trouble *told, const bsm_stream_stats *stats, size_t rate);

/** Write the status that replaces `news` (BSM_STATUS_SIZE bytes), or return false if none does.
 *  That a model is loading or has failed to load is reported in preference to the lateness of the
 *  last one. */
BSM_REALTIME bool bsm_trouble_status(const bsm_stream *stream, const char *news, char *status);

#endif
