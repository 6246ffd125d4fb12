/* SPDX-License-Identifier: ISC */
/** A queue of samples, a plane per channel; it grows as far as its user lets it fill. */
#ifndef BSM_SIGNAL_SAMPLE_QUEUE_H
#define BSM_SIGNAL_SAMPLE_QUEUE_H

#include <stddef.h>

#include "bsm/status.h"

typedef struct bsm_sample_queue {
    size_t channels, capacity;
    size_t start, count; /**< samples per channel: read already, and waiting */
    float *data;         /**< [channel][capacity] */
} bsm_sample_queue;

/** An empty queue; nothing is allocated yet. */
void bsm_sample_queue_init(bsm_sample_queue *queue, size_t channels);
void bsm_sample_queue_clear(bsm_sample_queue *queue);

BSM_NODISCARD bsm_status bsm_sample_queue_push(bsm_sample_queue *queue, const float *const *audio,
                                               size_t count, bsm_error *error);

/** Add all that waits in `from`, of as many channels, which is empty then. */
BSM_NODISCARD bsm_status bsm_sample_queue_move(bsm_sample_queue *queue, bsm_sample_queue *from,
                                               bsm_error *error);

/** Take up to `count` samples per channel; returns how many there were. */
size_t bsm_sample_queue_pop(bsm_sample_queue *queue, float *const *audio, size_t count);

#endif
