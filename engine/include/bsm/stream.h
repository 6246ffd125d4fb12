/* SPDX-License-Identifier: ISC */
/** Live separation: audio goes in and, a constant latency later, comes out in blocks of any size.
 *
 *  The audio thread only copies samples. It exchanges them with a worker thread through lock-free
 *  rings, in which each sample carries its time, so that a late result cannot be mistaken for
 *  another one. For every sample, whatever happens,
 *
 *      vocals + instrumental = the input of bsm_stream_latency samples ago.
 *
 *  If the worker has no result in time, the vocals are silent and the instrumental is the input,
 *  with fades of 5 ms; the stream goes on without a delay and recovers by itself.
 *
 *  Threads: functions marked BSM_REALTIME may be called from the audio thread. bsm_stream_process
 *  and bsm_stream_restart belong to one thread at a time. At the same time, all other functions may
 *  be called from any thread, except bsm_stream_free, which must be the last call. */
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
    BSM_STREAM_MIN_RATE = 8000,   /**< Hz */
    BSM_STREAM_MAX_RATE = 192000, /**< Hz */
    BSM_STREAM_MAX_BLOCK = 8192,  /**< samples */
    BSM_STREAM_CHANNELS = 2,
};

/** All zero except for the sample rate is a good choice. Frames are those of the model. */
typedef struct bsm_stream_options {
    size_t sample_rate; /**< the host's rate in Hz, 8000 to 192000 */
    size_t max_block;   /**< the most samples per call, at most 8192; 0: 8192 */
    double max_latency; /**< seconds, 0 to 30: the longest latency that bsm_stream_set can set;
                             if twice the initial latency is longer, that is the limit */
    size_t commit;      /**< frames that a block yields, at most 6000 and together longer than 5 ms;
                             0: chosen by `latency` */
    size_t lookahead;   /**< frames of look-ahead, at most 6000; used if `commit` is not 0 or
                             `keep_lookahead` is set, otherwise chosen */
    double latency;     /**< seconds, 0 to 30, used if `commit` is 0: the longest latency to choose
                             blocks for. 0: 0.8, or, with a look-ahead to keep, blocks as long as
                             that are chosen. The shortest possible blocks may have a longer
                             latency; bsm_stream_latency gives the exact one */
    bool keep_lookahead; /**< choose only `commit`, not `lookahead` */
    bsm_memory memory;
    size_t history; /**< frames, at most 6000, for BSM_MEMORY_BOUNDED; 0: history, commit and
                         look-ahead together are as long as the model's training segment */
    double warmup;  /**< seconds, 0 to 60, for rolling memory: how long a state has heard the input
                         when it takes over; 0: 2, or a quarter of the training segment if that is
                         less */
    bsm_device_kind device;
    bsm_precision precision; /**< the least precision that is acceptable */
    size_t threads;          /**< threads of the network, 1 to 1024; 0: one per processor */
    bool freewheel;          /**< the initial state of bsm_stream_set_freewheel */
} bsm_stream_options;

/** Make a stream and start its worker thread. The stream holds a reference to `model`, which must
 *  be stereo. If it is NULL, the input comes out as the instrumental until bsm_stream_set is
 *  called, with the latency of a model with the transform of "paper". The rings are locked in
 *  memory if the system allows it. Not for the audio thread. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY,
 *  BSM_NO_DEVICE, BSM_DEVICE_FAILED, BSM_BAD_MODEL, BSM_UNSUPPORTED (a mono model). */
BSM_API BSM_NODISCARD bsm_status bsm_stream_new(bsm_model *model, const bsm_stream_options *options,
                                                bsm_stream **stream, bsm_error *error);

/** Stop the worker and free the stream. May take as long as the computation of a block. NULL is
 *  allowed. Not for the audio thread. */
BSM_API void bsm_stream_free(bsm_stream *stream);

/** Process `frames` samples per channel: take the input and write as many samples of each output.
 *  The whole input is read before any output is written, so buffers may be the same. NaN,
 *  infinities and denormals in the input are read as 0.
 *  @param in            left and right
 *  @param vocals        left and right; either may be NULL, and is not written then
 *  @param instrumental  left and right; either may be NULL, and is not written then
 *  @param frames        0 to max_block; with more, nothing is done
 *
 *  Audio thread: it neither allocates nor locks, and its only system call wakes the worker, at most
 *  once per block of `commit` frames. Only when freewheeling it waits. */
BSM_API BSM_REALTIME void bsm_stream_process(bsm_stream *stream, const float *const in[2],
                                             float *const vocals[2], float *const instrumental[2],
                                             size_t frames);

/** Return the exact latency of the output in samples of the host's rate. It is constant unless
 *  bsm_stream_set changes it. Any thread. */
BSM_API BSM_REALTIME size_t bsm_stream_latency(const bsm_stream *stream);

/** Let the network forget everything that it has heard. Output and latency go on. Any thread. */
BSM_API BSM_REALTIME void bsm_stream_reset(bsm_stream *stream);

/** Begin anew: the input so far is not output any more, so that there is silence for one latency,
 *  and the network forgets it. Call it in the thread of bsm_stream_process. */
BSM_API BSM_REALTIME void bsm_stream_restart(bsm_stream *stream);

/** Switch freewheeling, for a host that processes faster or slower than real time, as when it
 *  exports: bsm_stream_process then waits for the worker, so that no result is late. Any thread. */
BSM_API BSM_REALTIME void bsm_stream_set_freewheel(bsm_stream *stream, bool freewheel);

/** Change the model and the options, while audio runs and without a click. The rate, max_block,
 *  max_latency and freewheel stay as they are. Not for the audio thread.
 *
 *  Before this function returns, the new network has been prepared beside the current one. The
 *  worker then crossfades from the vocals of one to those of the other. If the latency changes,
 *  both delays are crossfaded within 5 ms. bsm_stream_latency changes when that begins: at once if
 *  no sample has been processed yet, otherwise in one of the next calls of bsm_stream_process. The
 *  new network is heard about one latency after that. Of several changes in a row, the last one
 *  counts.
 *
 *  If a network is heard and is in time, the new one warms up first, on the last two seconds of the
 *  input and whenever the current one has nothing to do, for at most six seconds. So when it takes
 *  over, its state is as if it had been heard all the time. A network with bounded memory takes
 *  over at once.
 *
 *  @param model    NULL: none, so that the input comes out as the instrumental; the latency is that
 *                  of the last model's transform
 *  @param options  NULL: the current options
 *  @return as bsm_stream_new, and BSM_UNSUPPORTED if the latency is longer than the stream can have
 *          (see max_latency). After an error, nothing has changed. */
BSM_API BSM_NODISCARD bsm_status bsm_stream_set(bsm_stream *stream, bsm_model *model,
                                                const bsm_stream_options *options,
                                                bsm_error *error);

typedef struct bsm_stream_stats {
    double load;          /**< computing time / audio time of the worker's last block, or of the
                               current one so far if that is more */
    double mean_load;     /**< average over all blocks */
    double worst_load;    /**< maximum of all blocks, including the current one so far */
    uint64_t processed;   /**< samples per channel that bsm_stream_process has taken */
    uint64_t blocks;      /**< blocks that the worker has computed */
    uint64_t misses;      /**< blocks whose results were not there in time */
    uint64_t dry_samples; /**< samples per channel that were output without a result, or faded,
                               because it was late */
    uint64_t dropped;     /**< input samples per channel that the network has never seen */
    uint64_t nonfinite;   /**< NaN and infinities in the input, both channels together */
    double fill;          /**< seconds of input that wait for the worker */
    bool late;            /**< there was a miss in the last 2 s and two blocks, so the network is
                               too slow */
    size_t commit, lookahead, history; /**< frames, as set last; history 0: memory is not bounded */
    size_t segment, warmup;            /**< frames of rolling memory; 0: memory does not roll */
    size_t latency;                    /**< as bsm_stream_latency */
    bsm_status status;                 /**< BSM_OK, or why the network has stopped */
} bsm_stream_stats;

/** Get the statistics since the stream was made. Any thread. */
BSM_API BSM_REALTIME void bsm_stream_get_stats(const bsm_stream *stream, bsm_stream_stats *stats);

/** If the network has stopped, return true and write one line to `line` that says why; otherwise
 *  return false. After a failure, the input comes out as the instrumental until bsm_stream_set is
 *  called. The stream itself prints nothing: the program has to watch bsm_stream_stats.status.
 *  `size` is at least 1; 512 bytes hold every line. Any thread. */
BSM_API BSM_REALTIME bool bsm_stream_failure(const bsm_stream *stream, char *line, size_t size);

/** Get the device of the network, such as "cpu (AVX-512, oneDNN 2.6.3)", or "none" without a model.
 *  Any thread but the audio thread. */
BSM_API void bsm_stream_device_name(bsm_stream *stream, char *name, size_t size);

BSM_END_DECLS

#endif
