/* SPDX-License-Identifier: ISC */
/** Samples and messages that pass between two threads without a lock. */
#ifndef BSM_STREAM_TIMELINE_H
#define BSM_STREAM_TIMELINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bsm/attributes.h"
#include "bsm/status.h"

/* A ring of samples that carry their time, between two threads without a lock.
 *
 * A slot is one atomic word: the low half of the sample's time, and its value. So a reader can
 * tell whether a slot holds the sample that it asks for, whatever the writer did in the meantime:
 * a sample that is not there yet, one that was never written and one that has been overwritten all
 * read as "missing". No other bookkeeping has to be right for that.
 *
 * One thread writes. Times are counted in samples from the stream's start. They wrap around after
 * 2^32 samples; a slot that nobody wrote in between (a day of silence from the worker) could then
 * be mistaken for a new one. */

typedef struct bsm_timeline {
    uint64_t mask;           /**< capacity - 1; the capacity is a power of two */
    _Atomic uint64_t *slots; /**< [capacity][channels], channels = 2 */
} bsm_timeline;

/** Allocate room for at least `capacity` samples of two channels, all missing. False if memory is
 *  short. */
bool bsm_timeline_init(bsm_timeline *timeline, size_t capacity);
void bsm_timeline_clear(bsm_timeline *timeline);

/** The number of bytes of the slots. */
size_t bsm_timeline_size(const bsm_timeline *timeline);

BSM_REALTIME static inline void bsm_timeline_put(const bsm_timeline *timeline, uint64_t time,
                                                 size_t channel, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(&timeline->slots[(time & timeline->mask) * 2 + channel],
                          (uint64_t)(uint32_t)time << 32 | bits, memory_order_relaxed);
}

/** False if the sample is missing; `value` is then left unchanged. */
BSM_REALTIME static inline bool bsm_timeline_get(const bsm_timeline *timeline, uint64_t time,
                                                 size_t channel, float *value)
{
    uint64_t slot = atomic_load_explicit(&timeline->slots[(time & timeline->mask) * 2 + channel],
                                         memory_order_relaxed);
    if (slot >> 32 != (uint32_t)time) {
        return false;
    }
    uint32_t bits = (uint32_t)slot;
    memcpy(value, &bits, sizeof *value);
    return true;
}

/** Whether both channels of a sample are there. */
BSM_REALTIME static inline bool bsm_timeline_has(const bsm_timeline *timeline, uint64_t time)
{
    float unused;
    return bsm_timeline_get(timeline, time, 0, &unused) &&
           bsm_timeline_get(timeline, time, 1, &unused);
}

/* Why a stream's network has stopped: a line that the worker sets, and that any thread, including
 * the audio thread, reads without a lock. */

typedef struct bsm_failure {
    _Atomic unsigned edition; /**< odd while the line is being written */
    _Atomic char line[sizeof((bsm_error *)0)->message];
} bsm_failure;

/** Set the line; for the worker only. */
void bsm_failure_set(bsm_failure *failure, const char *line);

/** Copy at most size - 1 bytes. False if the line was just being written. */
BSM_REALTIME bool bsm_failure_get(const bsm_failure *failure, char *line, size_t size);

#endif
