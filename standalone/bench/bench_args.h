/* SPDX-License-Identifier: ISC */
/** Parses the command line of bsm-bench. */
#ifndef BSM_STANDALONE_BENCH_ARGS_H
#define BSM_STANDALONE_BENCH_ARGS_H

#include <stdbool.h>

#include "bsm/stream.h"
#include "bsm/training.h"
#include "program_options.h"

enum { BENCH_MAX_LIST = 16 };

typedef struct bench_args {
    program_action action;
    const char *model_path; /**< NULL: an untrained model of `preset` */
    const char *preset;     /**< NULL: the model that would play live */
    bsm_device_kind devices[BENCH_MAX_LIST];
    size_t num_devices;
    double seconds[BENCH_MAX_LIST];
    size_t num_seconds;
    size_t threads;
    size_t repeats;
    bsm_precision precision; /**< the default is auto for a stream, otherwise float32 */
    bool precision_given;
    bool list_devices;
    bool json;
    bool profile;

    bool train, checkpointing;
    bsm_loss_options loss;
    bool stream;
    double latency_ms; /**< 0: the default */
    bsm_stream_options stream_options;
    size_t blocks[BENCH_MAX_LIST];
    size_t num_blocks;
    double play; /**< seconds of real time for each block size */
} bench_args;

/** Parse the command line. BSM_INVALID_ARGUMENT names the option or the value. */
BSM_NODISCARD bsm_status bench_args_parse(int argc, char **argv, bench_args *args,
                                          bsm_error *error);

extern const program_table bench_program;

#endif
