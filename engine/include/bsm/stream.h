/* SPDX-License-Identifier: ISC */
/** Live separation: audio goes in and comes out in blocks of any size, a constant latency later.
 *
 *  The audio thread only copies. It hands samples to a worker thread through lock-free rings whose
 *  samples carry their time, so that a result that comes too late can never be taken for another.
 *  Whatever happens, for every sample
 *
 *      vocals + instrumental = the input, bsm_stream_latency samples ago.
 *
 *  Where the worker has no result in time, vocals are silent and the instrumental is the input,
 *  faded over 5 ms; the stream goes on in time and recovers by itself.
 *
 *  Threads: functions marked BSM_REALTIME may be called from the audio thread. bsm_stream_process
 *  belongs to one thread at a time; all other functions may be called from any thread meanwhile,
 *  but bsm_stream_free, which must be the last. */
#ifndef BSM_STREAM_H
#define BSM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/model.h"
#include "bsm/network.h"
#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_stream bsm_stream;

enum {
    BSM_STREAM_MIN_RATE = 8000,
    BSM_STREAM_MAX_RATE = 192000,
    BSM_STREAM_MAX_BLOCK = 8192,
    BSM_STREAM_CHANNELS = 2,
};

/** All zeros except the sample rate are a good choice. */
typedef struct bsm_stream_options {
    size_t sample_rate;  /**< sample rate of the host in Hz, 8000 to 192000 */
    size_t max_block;    /**< largest number of samples per call; 0: 8192 */
    double max_latency;  /**< seconds: bsm_stream_set can go up to this latency, or to twice that
                              of the start, if that is longer */
    size_t commit;       /**< frames of the model (10 ms) separated at a time, longer than 5 ms in
                              all; 0: chosen */
    size_t lookahead;    /**< frames that each block looks ahead, if commit is given or
                              keep_lookahead is set; else chosen */
    double latency;      /**< seconds, if commit is 0: the wished latency; 0: 0.8, or with a
                              look-ahead to keep, what blocks as long as it need. The real one is
                              the nearest below that has sense, see bsm_stream_latency */
    bool keep_lookahead; /**< keep `lookahead` and choose only `commit` */
    bsm_memory memory;
    size_t history; /**< frames, for BSM_MEMORY_BOUNDED; 0: so that history, commit and look-ahead
                         fill the model's training segment */
    double warmup;  /**< seconds, for rolling memory: how long a state has heard the input when it
                         takes over; 0: 2, or a quarter of the training segment if that is less */
    bsm_device_kind device;
    bsm_precision precision; /**< the lowest precision that is acceptable */
    size_t threads;          /**< threads of the network; 0: one per core */
    bool freewheel;          /**< see bsm_stream_set_freewheel */
} bsm_stream_options;

/** Start a stream and its worker thread. The stream references `model`; NULL is allowed: the input
 *  comes out as the instrumental, with the latency that a model with the paper's transform has,
 *  until bsm_stream_set. Memory is locked where the system allows it.
 *  BSM_INVALID_ARGUMENT, BSM_NO_MEMORY, BSM_NO_DEVICE, BSM_BAD_MODEL. Not for the audio thread. */
BSM_API BSM_NODISCARD bsm_status bsm_stream_new(bsm_model *model, const bsm_stream_options *options,
                                                bsm_stream **stream, bsm_error *error);

/** Stop the worker and free the stream. This may take as long as the computation of one block. */
BSM_API void bsm_stream_free(bsm_stream *stream);

/** Take `frames` samples (0 to max_block) and give as many. Every input is read before an output is
 *  written, so any of the buffers may be the same. NaN, infinities and denormals in the input count
 *  as 0.
 *  @param in            left and right
 *  @param vocals        left and right; a NULL pointer is not written
 *  @param instrumental  left and right; a NULL pointer is not written
 *
 *  Audio thread: no allocation, no lock and no system call but, at most once per committed block,
 *  waking the worker. Only while freewheeling it waits. */
BSM_API BSM_REALTIME void bsm_stream_process(bsm_stream *stream, const float *const in[2],
                                             float *const vocals[2], float *const instrumental[2],
                                             size_t frames);

/** Return the exact latency of the present output in samples of the host's rate. It is constant
 *  until bsm_stream_set changes it. */
BSM_API BSM_REALTIME size_t bsm_stream_latency(const bsm_stream *stream);

/** Let the network forget all that it has heard. The audio goes on with the same latency. */
BSM_API BSM_REALTIME void bsm_stream_reset(bsm_stream *stream);

/** Start again: input until now does not come out any more, so that there is silence for one
 *  latency, and the network forgets it. Only for the thread of bsm_stream_process. */
BSM_API BSM_REALTIME void bsm_stream_restart(bsm_stream *stream);

/** While freewheeling (a host that exports faster or slower than real time), bsm_stream_process
 *  waits for the worker, and nothing is ever late. */
BSM_API BSM_REALTIME void bsm_stream_set_freewheel(bsm_stream *stream, bool freewheel);

/** Change the model and anything of the options but the rate, max_block, max_latency and freewheel,
 *  while audio runs and without a click.
 *
 *  The new network is prepared beside the one that is heard before this returns; then the worker
 *  crossfades from the one's vocals to the other's. If the latency becomes another one, both
 *  delays are crossfaded, over 5 ms, and bsm_stream_latency changes when that begins: at once
 *  before the first sample, else in one of the next calls of bsm_stream_process. The new network is
 *  heard about one latency after that. Of several changes in a row, the last one counts.
 *
 *  Where a network is heard that is not late, the new one warms up first, on the last two seconds
 *  and while the other one has nothing to do, for six seconds at most: so it takes over with a
 *  state as if it had been heard all the time. One with bounded memory begins at once.
 *
 *  @param model    NULL: none; the latency is that of the last model's transform
 *  @param options  NULL: those in force
 *  @return as bsm_stream_new; BSM_UNSUPPORTED for a latency beyond max_latency. On an error,
 *          nothing changes.
 *  Not for the audio thread. */
BSM_API BSM_NODISCARD bsm_status bsm_stream_set(bsm_stream *stream, bsm_model *model,
                                                const bsm_stream_options *options,
                                                bsm_error *error);

typedef struct bsm_stream_stats {
    double load;          /**< the worker's computing time / audio time, of the last block, or what
                               that in work has come to, if that is more */
    double mean_load;     /**< mean over all blocks */
    double worst_load;    /**< the highest load of any block */
    uint64_t processed;   /**< samples that went through bsm_stream_process */
    uint64_t blocks;      /**< blocks that the worker has computed */
    uint64_t misses;      /**< times that a committed block's result was not there in time */
    uint64_t dry_samples; /**< samples that came out, in part or all, without a result in time */
    uint64_t dropped;     /**< input samples that the network never saw */
    uint64_t nonfinite;   /**< NaN and infinities in the input */
    double fill;          /**< seconds of input that wait for the worker */
    bool late;            /**< there was a miss in the last seconds: the network is too slow */
    size_t commit, lookahead,
        history;            /**< frames, as set last; history is 0 unless memory is bounded */
    size_t segment, warmup; /**< frames of rolling memory; 0: it does not roll */
    size_t latency;         /**< as bsm_stream_latency */
    bsm_status status;      /**< BSM_OK, or why the network has stopped */
} bsm_stream_stats;

/** Any thread. */
BSM_API BSM_REALTIME void bsm_stream_get_stats(const bsm_stream *stream, bsm_stream_stats *stats);

/** If the network has stopped, write the reason as one line and return true. From then on the input
 *  comes out as the instrumental, until bsm_stream_set. A stream prints nothing itself, so the
 *  program should watch bsm_stream_stats.status. `size` is at least 1; 512 bytes are enough for
 *  every line. Any thread. */
BSM_API BSM_REALTIME bool bsm_stream_failure(const bsm_stream *stream, char *line, size_t size);

/** Describe the device, such as "cpu (AVX-512, oneDNN 2.6.3)"; "none" without a model. Not for the
 *  audio thread. */
BSM_API void bsm_stream_device_name(bsm_stream *stream, char *name, size_t size);

BSM_END_DECLS

#endif
