/* SPDX-License-Identifier: ISC */
/** What bsm-bench measures, apart from how it prints it. */
#ifndef BSM_STANDALONE_BENCH_H
#define BSM_STANDALONE_BENCH_H

#include "bsm/fit.h"
#include "bsm/network.h"
#include "bsm/stream.h"
#include "bsm/training.h"
#include <stddef.h>

enum { BENCH_STAGES = BSM_NUM_MODULES, BENCH_MAX_REPEATS = 1000 };

/** The network's modules: "STFT", "band split", ... */
const char *bench_stage_name(size_t stage);

/** Calls of a network that are not to be timed: the first warms the caches, and a device with
 *  memory of its own records its work in the second. */
size_t bench_untimed_calls(const bsm_network *network);

/** One window from sound to sound, of every stem, `repeats` times after those that are not timed.
 *  On a device that transforms, STFT and inverse STFT run there, too. */
typedef struct bench_result {
    char device[128];
    double seconds; /**< of audio */
    size_t frames;
    size_t repeats;
    double median, best;        /**< wall-clock seconds */
    double stage[BENCH_STAGES]; /**< wall-clock seconds, mean; the host's padding counts as STFT */
    double stage_gflops[BENCH_STAGES]; /**< the same of each stage; 0: none counted */
    double gflops; /**< 2e-9 of the network's MACs per second of the median, transforms or not */
    double peak_memory; /**< bytes of the host's, of the process while it ran */
    size_t gpu_memory;  /**< bsm_network_gpu_memory */
} bench_result;

/** `options` but for max_frames. */
bsm_status bench_network(bsm_model *model, const bsm_network_options *options, double seconds,
                         size_t repeats, bench_result *result, bsm_error *error);

/** What the CPU's threads do at most in products of a precision, as measured on one of them with
 *  everything in its cache. threads: 0 for one per core */
bsm_status bench_peak(size_t threads, bsm_precision precision, double *gflops, bsm_error *error);

/** Steps of training with one item, next to a network's window of as many frames. */
enum { BENCH_TRAIN_PARTS = BSM_NUM_TRAINING_PARTS + 1 };

/** "signals", "forward", "loss", "backward", "optimiser". */
const char *bench_train_part_name(size_t part);

typedef struct bench_train_result {
    char device[128];
    double seconds; /**< of audio */
    size_t repeats;
    double step, parts[BENCH_TRAIN_PARTS]; /**< wall-clock seconds, medians */
    double network;        /**< the same, of the window, which keeps nothing for a way back */
    double passes;         /**< median of each step / its own forward pass */
    double network_passes; /**< median of each step / the mean of `network` before and behind it */
    bsm_training_memory planned;
    double used_memory; /**< bytes of the host's memory that the process grew by at most, making it
                             and stepping once */
} bench_train_result;

/** `repeats` steps after one to warm up, each between two passes. */
bsm_status bench_train(bsm_model *model, const bsm_training_options *options, size_t repeats,
                       bench_train_result *result, bsm_error *error);

/** The scan alone, of one mixer and one sequence on one thread. */
typedef struct bench_scan_result {
    size_t frames;
    double sequential, chunked; /**< wall-clock seconds, medians */
} bench_scan_result;

bsm_status bench_scan(const bsm_config *config, double seconds, size_t repeats,
                      bench_scan_result *result, bsm_error *error);

/** The scan of one mixer along time on the network's device, over as many bands as it takes at
 *  once. BSM_UNSUPPORTED: the device times none by itself (bench_scan is the CPU's). */
typedef struct bench_device_scan_result {
    char device[128];
    size_t sequences, frames;
    double sequential, fast; /**< wall-clock seconds, medians; sequential: step by step, each
                                operation on whole arrays */
    double difference;       /**< of the two results, relative */
} bench_device_scan_result;

bsm_status bench_device_scan(bsm_model *model, const bsm_network_options *options, double seconds,
                             size_t repeats, bench_device_scan_result *result, bsm_error *error);

/** bsm_stream_process in one thread while another keeps a core busy, as fast as it goes. */
typedef struct bench_call_result {
    size_t calls;
    double median, worst; /**< wall-clock seconds */
} bench_call_result;

bsm_status bench_calls(bsm_model *model, const bsm_stream_options *options, size_t block,
                       size_t calls, bench_call_result *result, bsm_error *error);

/** A stream against the clock. */
typedef struct bench_play_result {
    size_t block;
    double seconds;
    char device[128];
    bsm_stream_stats stats;
} bench_play_result;

bsm_status bench_play(bsm_model *model, const bsm_stream_options *options, size_t block,
                      double seconds, bench_play_result *result, bsm_error *error);

/** Seconds on a clock that only goes forward. */
double bench_now(void);

/** Sorts `values`, so that the smallest is first, and returns the middle one. */
double bench_median(double *values, size_t count);

/** Bytes of memory that the process uses, and used at most since the last reset. 0 where the system
 *  does not say (it is not Linux). */
double bench_memory(void);
double bench_peak_memory(void);
void bench_reset_peak_memory(void);

#endif
