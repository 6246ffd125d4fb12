/* SPDX-License-Identifier: ISC */
/** What tests can make go wrong with the host that plays a card (tests/cuda/played_card.cc). */
#ifndef BSM_TESTS_CUDA_PLAYED_CARD_H
#define BSM_TESTS_CUDA_PLAYED_CARD_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/attributes.h"

BSM_BEGIN_DECLS

typedef struct played_card {
    bool missing;              /**< no card is found */
    bool busy;                 /**< it is never done */
    size_t cards;              /**< how many there are, for several processes */
    size_t memory;             /**< bytes it has */
    size_t fail_at;            /**< the queued operation, from 1, that fails; 0: none */
    bool no_recordings;        /**< nothing can be recorded */
    size_t used;               /**< bytes in use now */
    size_t operations;         /**< queued so far, also while recording */
    size_t recordings;         /**< made so far */
    size_t plays;              /**< of recordings so far */
    size_t waits;              /**< of the host so far */
    size_t uploads, downloads; /**< done so far, in recordings, too */
} played_card;

extern played_card the_played_card;

BSM_END_DECLS

#endif
