/* SPDX-License-Identifier: ISC */
/** What the loader has to say to the host, from its threads to run(): the newest counts. */
#ifndef BSM_PLUGIN_NEWS_H
#define BSM_PLUGIN_NEWS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bsm/attributes.h"

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

#endif
