/* SPDX-License-Identifier: ISC */
/** The measurements of bsm-bench, without their printing. */
#ifndef BSM_STANDALONE_BENCH_H
#define BSM_STANDALONE_BENCH_H

#include "bsm/fit.h"
#include "bsm/network.h"
#include "bsm/stream.h"
#include "bsm/training.h"
#include <stddef.h>

enum { BENCH_STAGES = BSM_NUM_MODULES, BENCH_MAX_REPEATS = 1000 };

/** Names of the network's modules: "STFT", "band split", ... */
const char *bench_stage_name(size_t stage);

/** Calls of a network that are not timed: the first one warms the caches, and in the second one a
 *  GPU records its work as a graph. */
size_t bench_untimed_calls(const bsm_network *network);

/** Times of one window, from its samples to those of every stem. */
typedef struct bench_result {
    char device[128];
    double seconds; /**< seconds of audio */
    size_t frames;
    size_t repeats;
    double median, best;        /**< wall-clock seconds */
    double stage[BENCH_STAGES]; /**< mean wall-clock seconds; padding on the host counts as STFT */
    double stage_gflops[BENCH_STAGES]; /**< GFLOP/s; 0: operations not counted */
    double gflops;      /**< 2e-9 times the network's MACs, divided by `median`; the STFT and its
                           inverse are not counted */
    double peak_memory; /**< most bytes of host memory that the process used meanwhile */
    size_t gpu_memory;  /**< bsm_network_gpu_memory */
} bench_result;

/** Time one window of `seconds` of audio `repeats` times, after the calls that are not timed. All
 *  of `options` except max_frames is used. */
bsm_status bench_network(bsm_model *model, const bsm_network_options *options, double seconds,
                         size_t repeats, bench_result *result, bsm_error *error);

/** Measure the CPU's peak in matrix products of a precision, in GFLOP/s: that of one thread with
 *  all data in its cache, times `threads` (0: one per core). */
bsm_status bench_peak(size_t threads, bsm_precision precision, double *gflops, bsm_error *error);

enum { BENCH_TRAIN_PARTS = BSM_NUM_TRAINING_PARTS + 1 };

/** Names of the parts: "signals", "forward", "loss", "backward", "optimiser". */
const char *bench_train_part_name(size_t part);

/** Times of training steps with one item, and of a network's window of as many frames. */
typedef struct bench_train_result {
    char device[128];
    double seconds; /**< seconds of audio */
    size_t repeats;
    double step, parts[BENCH_TRAIN_PARTS]; /**< wall-clock seconds, medians */
    double network; /**< wall-clock seconds of the window, which keeps nothing for a backward pass;
                       median */
    double passes;  /**< median of a step's time over the time of its forward pass */
    double network_passes; /**< median of a step's time over the mean time of the windows before and
                              after it */
    bsm_training_memory planned;
    double used_memory; /**< most bytes by which the process grew while the training was made and
                           took its first step */
} bench_train_result;

/** Time `repeats` steps after a warm-up step, each between two windows of the network. */
bsm_status bench_train(bsm_model *model, const bsm_training_options *options, size_t repeats,
                       bench_train_result *result, bsm_error *error);

/** Times of the scan alone, of one mixer and one sequence, on one thread of the CPU. */
typedef struct bench_scan_result {
    size_t frames;
    double sequential, chunked; /**< wall-clock seconds, medians */
} bench_scan_result;

bsm_status bench_scan(const bsm_config *config, double seconds, size_t repeats,
                      bench_scan_result *result, bsm_error *error);

/** Times of one mixer's scan along time on a network's device, over as many bands as the device
 *  processes at once. */
typedef struct bench_device_scan_result {
    char device[128];
    size_t sequences, frames;
    double sequential, fast; /**< median wall-clock seconds; sequential: step by step, each
                                operation on whole arrays */
    double difference;       /**< relative difference of the two results */
} bench_device_scan_result;

/** Measure these times. BSM_UNSUPPORTED: the device has no such timing (bench_scan times the
 * CPU's). */
bsm_status bench_device_scan(bsm_model *model, const bsm_network_options *options, double seconds,
                             size_t repeats, bench_device_scan_result *result, bsm_error *error);

/** Times of calls of bsm_stream_process in one thread, while another one keeps a core busy. */
typedef struct bench_call_result {
    size_t calls;
    double median, worst; /**< wall-clock seconds */
} bench_call_result;

bsm_status bench_calls(bsm_model *model, const bsm_stream_options *options, size_t block,
                       size_t calls, bench_call_result *result, bsm_error *error);

/** The statistics of a stream that was played in real time. */
typedef struct bench_play_result {
    size_t block;
    double seconds;
    char device[128];
    bsm_stream_stats stats;
} bench_play_result;

bsm_status bench_play(bsm_model *model, const bsm_stream_options *options, size_t block,
                      double seconds, bench_play_result *result, bsm_error *error);

/** Return the seconds of a clock that only goes forward. */
double bench_now(void);

/** Sort `values` in ascending order and return the median. */
double bench_median(double *values, size_t count);

/** Return the bytes of memory that the process uses now, or has used at most since the last reset;
 *  0 on systems that do not report them (other than Linux). */
double bench_memory(void);
double bench_peak_memory(void);
void bench_reset_peak_memory(void);

#endif
