/* SPDX-License-Identifier: ISC */
/** All state of a live stream, by the thread that may touch it.
 *
 *      audio thread  --input timeline-->   worker   --output timeline-->  audio thread
 *
 *  Positions count host samples from the stream's start. The vocals at position p of the output
 *  timeline are those of the input's sample p, and come out when sample p + latency goes in. */
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

/** Reads the delayed signal: dry from the delay line, vocals from the output timeline. */
typedef struct bsm_stream_tap {
    size_t latency;
    size_t level;    /**< of the vocals, 0 to fade: less than it beside a place without them */
    bool gap;        /**< a result that is due has not come */
    size_t gap_left; /**< samples until the gap counts as one more miss */
} bsm_stream_tap;

struct bsm_stream {
    /* ---- Constant while the stream lives ---- */
    size_t rate, max_block;
    size_t fade; /**< samples of a crossfade */
    bsm_timeline input, output;
    float *delay; /**< [capacity][2], the audio thread's own; capacity as the timelines' */
    size_t delay_mask;

    /* ---- The audio thread's own ---- */
    uint64_t position;      /**< samples taken so far */
    uint64_t heard_from;    /**< samples before this come out no more */
    bsm_stream_tap taps[2]; /**< the second only while the latency changes */
    size_t change_left;     /**< samples until the second takes over; 0: no change */
    size_t next_latency;    /**< what `wanted_latency` was when this call began */

    /* ---- From the audio thread to all ---- */
    _Atomic uint64_t written; /**< = position, after the samples before it are in `input` */
    _Atomic bool freewheel;
    _Atomic bool reset;     /**< asked for by any thread, taken by the worker */
    _Atomic size_t latency; /**< of what is heard */
    _Atomic uint64_t misses, dry_samples, nonfinite;
    _Atomic uint64_t late_until; /**< `written` for which the last miss counts as one of late */

    /* ---- From the worker to the audio thread ---- */
    _Atomic uint64_t wake_at;          /**< wake the worker when `written` reaches this */
    _Atomic uint64_t done;             /**< results before this are there, or will never be */
    _Atomic uint64_t due_from, due_to; /**< positions whose results are due; due_to is written
                                            last and read first */
    _Atomic size_t block;              /**< samples of a committed block */
    _Atomic size_t wanted_latency;     /**< to be heard from the next call on */

    sem_t wake;     /**< posted by the audio thread at wake_at, and by who asks something */
    sem_t progress; /**< posted by the worker while the audio thread freewheels */

    /* ---- From the worker to whoever asks ---- */
    _Atomic double load, mean_load, worst_load;
    _Atomic uint64_t blocks, dropped, read;
    _Atomic uint64_t begun; /**< `written` when the block in work was begun; BSM_NEVER: none is */
    _Atomic size_t commit, lookahead, history, segment, warmup;
    _Atomic int status;  /**< bsm_status */
    bsm_failure failure; /**< of which status, set before it */

    /* ---- Between the worker and the thread that changes the stream ---- */
    pthread_mutex_t lock;
    bsm_stream_options options; /**< of the newest voice, as is ... */
    bsm_stream_plan plan;       /**< ... this, and the device's name */
    char device_name[128];
    bsm_voice *pending;       /**< to be taken by the worker; NULL: none */
    _Atomic bool has_pending; /**< may be read without the lock */
    _Atomic bool quit;

    /* ---- The worker's own ---- */
    pthread_t worker;
    bsm_voice *voice;
    bsm_voice *next;       /**< begins where the span ends; NULL: the same voice goes on */
    struct bsm_span *warm; /**< the next voice's, while it warms up; NULL: it does not */
    uint64_t patience;     /**< `written` at which that is given up */
    float *tails;          /**< [2][channel][fade] what two spans keep back for a crossfade */
};

/** The worker thread; `stream` is the stream. */
void *bsm_stream_worker(void *stream);

/** The worker's: take the pending voice as `next`, if there is one and its time has come. True if
 * it is another one then. */
bool bsm_stream_take_pending(bsm_stream *stream);

#endif
