/* SPDX-License-Identifier: ISC */
/** All state of a live stream, grouped by the thread that may touch it.
 *
 *      audio thread  --input timeline-->   worker   --output timeline-->  audio thread
 *
 *  Positions count host samples from the stream's start. The vocals at position p of the output
 *  timeline belong to the input's sample p, and are heard when sample p + latency is taken in. */
#ifndef BSM_STREAM_STATE_H
#define BSM_STREAM_STATE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "bsm/stream.h"
#include "stream/plan.h"
#include "stream/timeline.h"
#include "stream/voice.h"

#define BSM_NEVER UINT64_MAX

/** Reads the delayed signal: the dry one from the delay line, the vocals from the output
 *  timeline. */
typedef struct bsm_stream_tap {
    size_t latency;
    size_t level;    /**< of the vocals, 0 to fade; less than fade near a position without vocals */
    bool gap;        /**< a result that is due is missing */
    size_t gap_left; /**< samples until the gap counts as one more miss */
} bsm_stream_tap;

struct bsm_stream {
    /* ---- Constant during the stream's life ---- */
    size_t rate, max_block;
    size_t fade; /**< samples of a crossfade */
    bsm_timeline input, output;
    /** [capacity][2], the audio thread's own; the timelines have the same capacity */
    float *delay;
    size_t delay_mask;

    /* ---- The audio thread's own ---- */
    uint64_t position;      /**< samples taken so far */
    uint64_t heard_from;    /**< input before this position is no longer output */
    bsm_stream_tap taps[2]; /**< the second one is used only while the latency changes */
    /** samples until the second one takes over; 0: the latency does not change */
    size_t change_left;
    size_t next_latency; /**< what `wanted_latency` was when this call began */

    /* ---- From the audio thread to all threads ---- */
    /** equal to position, set after the samples before it are in `input` */
    _Atomic uint64_t written;
    _Atomic bool freewheel;
    _Atomic bool reset;     /**< requested by any thread, carried out by the worker */
    _Atomic size_t latency; /**< of the audio that is heard */
    _Atomic uint64_t misses, dry_samples, nonfinite;
    /** the stream counts as late until `written` reaches this, because of its last miss */
    _Atomic uint64_t late_until;

    /* ---- From the worker to the audio thread ---- */
    _Atomic uint64_t wake_at; /**< the worker wants to be woken when `written` reaches this */
    _Atomic uint64_t done;    /**< results before this are there, or will never come */
    /** positions whose results are due; due_to is written last and read first */
    _Atomic uint64_t due_from, due_to;
    _Atomic size_t block;          /**< samples of a committed block */
    _Atomic size_t wanted_latency; /**< takes effect with the next call */

    sem_t wake; /**< posted by the audio thread at wake_at, and by threads that request something */
    sem_t progress; /**< posted by the worker while the audio thread freewheels */

    /* ---- From the worker to threads that ask ---- */
    _Atomic double load, mean_load, worst_load;
    _Atomic uint64_t blocks, dropped, read;
    /** `written` when the current block was begun; BSM_NEVER if there is none */
    _Atomic uint64_t begun;
    _Atomic size_t commit, lookahead, history, segment, warmup;
    _Atomic int status;  /**< a bsm_status */
    bsm_failure failure; /**< message of `status`, set before it */

    /* ---- Between the worker and the thread that changes the stream ---- */
    pthread_mutex_t lock;
    bsm_stream_options options; /**< of the newest voice, ... */
    bsm_stream_plan plan;       /**< ... as is this, and its device's name */
    char device_name[128];
    bsm_voice *pending;       /**< waits for the worker; NULL: none */
    _Atomic bool has_pending; /**< may be read without the lock */
    _Atomic bool quit;

    /* ---- The worker's own ---- */
    pthread_t worker;
    bsm_voice *voice;
    bsm_voice *next;       /**< begins where the span ends; NULL: the same voice goes on */
    struct bsm_span *warm; /**< a span of `next` while that warms up; NULL: it does not warm up */
    uint64_t patience;     /**< the warm-up is given up when `written` reaches this */
    float *tails;          /**< [2][channel][fade]: kept back by two spans for a crossfade */
};

/** The worker thread's function; `stream` is the stream. */
void *bsm_stream_worker(void *stream);

/** Called by the worker: take the pending voice as `next`, if there is one and its time has come.
 *  True if `next` has changed. */
bool bsm_stream_take_pending(bsm_stream *stream);

#endif
