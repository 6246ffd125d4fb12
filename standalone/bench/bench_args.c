/* SPDX-License-Identifier: ISC */
/* Parses the command line of bsm-bench. */
#include "bench_args.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* ---- Values ---- */

/* Parse numbers in the option's range, separated by commas. */
static bsm_status read_list(const program_option *option, const char *list, double *values,
                            size_t most, size_t *count, bsm_error *error)
{
    *count = 0;
    for (const char *item = list;; item++) {
        char *end;
        const double value = strtod(item, &end);
        const bool good = end != item && value >= option->low && value <= option->high;
        if (!good || (*end && *end != ',') || *count == most) {
            return option_refuse_number(option, list, error);
        }
        values[(*count)++] = value;
        if (!*end) {
            return BSM_OK;
        }
        item = end;
    }
}

static bsm_status read_sizes(const program_option *option, const char *list, size_t *sizes,
                             size_t most, size_t *count, bsm_error *error)
{
    double values[BENCH_MAX_LIST];
    bsm_status status = read_list(option, list, values, most, count, error);
    for (size_t i = 0; i < *count && !status; i++) {
        sizes[i] = (size_t)values[i];
    }
    return status;
}

static bsm_status set_seconds(void *target, const program_option *option, const char *value,
                              bsm_error *error)
{
    bench_args *args = target;
    return read_list(option, value, args->seconds, BENCH_MAX_LIST, &args->num_seconds, error);
}

static bsm_status set_blocks(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    bench_args *args = target;
    return read_sizes(option, value, args->blocks, BENCH_MAX_LIST, &args->num_blocks, error);
}

static bsm_status set_precision(void *target, const program_option *option, const char *value,
                                bsm_error *error)
{
    bench_args *args = target;
    args->precision_given = true;
    return option_live_precision(target, option, value, error);
}

static bsm_status set_windows(void *target, const program_option *option, const char *value,
                              bsm_error *error)
{
    bsm_loss_options *loss = &((bench_args *)target)->loss;
    return read_sizes(option, value, loss->windows, BSM_MAX_LOSS_WINDOWS, &loss->num_windows,
                      error);
}

static bsm_status add_device(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    bench_args *args = target;
    if (!strcmp(value, "all")) {
        bsm_status status = add_device(target, option, "cpu", error);
        return status ? status : add_device(target, option, "reference", error);
    }
    bsm_device_kind kind;
    if (args->num_devices == BENCH_MAX_LIST || bsm_device_kind_parse(value, &kind, NULL)) {
        return option_refuse(option, value, "auto, cpu, reference, cuda or all", error);
    }
    args->devices[args->num_devices++] = kind;
    return BSM_OK;
}

/* ---- The table ---- */

#define PLACE(field) .place = offsetof(bench_args, field)

static const program_option table[] = {
    {"model", 'm', "MODEL", "file or name of the model to run", option_text, PLACE(model_path)},
    {"config", 'c', "NAME",
     "untrained model to run instead: paper (default without --stream), lite, live or tiny",
     option_text, PLACE(preset)},
    {"device", 'd', "DEVICE", "auto (default), cpu, reference, cuda, or all; may be repeated",
     .set = add_device},
    {"list-devices", 0, NULL, "only list the devices, and say why others cannot be used",
     option_flag, PLACE(list_devices)},
    {"precision", 0, "NAME",
     "float32 (default without --stream), tf32, bfloat16, int8 or, as in bsm-live, auto",
     set_precision, PLACE(precision)},
    {"threads", 't', "N", "processor threads, % (default: one per core)", option_size,
     PLACE(threads), 1, 1024},
    {"json", 0, NULL, "print JSON", option_flag, PLACE(json)},
    OPTIONS_OF_ALL,
    {.help = "Whole windows and the scan (default):"},
    {"seconds", 0, "LIST", "lengths of audio (default 1,4,8)", .set = set_seconds, .low = 0.01,
     .high = 3600, .detail = "seconds"},
    {"repeats", 0, "N", "timed runs of each length, % (default 5)", option_size, PLACE(repeats), 1,
     BENCH_MAX_REPEATS},
    {"profile", 0, NULL, "print each module's GFLOP/s, and how near that is to the CPU's peak",
     option_flag, PLACE(profile)},
    {.help = "Training:"},
    {"train", 0, NULL,
     "measure training steps, forward and backward, with one item each (default 2 s)", option_flag,
     PLACE(train)},
    {"checkpointing", 0, NULL, "keep only the input of each path and compute the rest again",
     option_flag, PLACE(checkpointing)},
    {"stft-windows", 0, "LIST", "windows of the loss (default 4096,2048,1024,512,256)", set_windows,
     .low = 2, .high = 1 << 24},
    {"stft-hop", 0, "N", "hop of the loss (default 147)", option_size, PLACE(loss.hop), 1, 1 << 24},
    {.help = "Live:"},
    {"stream", 0, NULL,
     "measure the audio thread's call and missed deadlines in real time; without a model or a "
     "configuration, of the model that would play ($BSM_MODEL, or the installed one)",
     option_flag, PLACE(stream)},
    {"blocks", 0, "LIST", "samples per call (default 64,256,1024)", set_blocks, .low = 1,
     .high = BSM_STREAM_MAX_BLOCK},
    {"play", 0, "SECONDS", "time to play for each block size, in real time (default 10)",
     option_real, PLACE(play), 0.1, 36000, "seconds"},
    {"rate", 0, "HZ", "sample rate of the host (default 48000)", option_size,
     PLACE(stream_options.sample_rate), BSM_STREAM_MIN_RATE, BSM_STREAM_MAX_RATE, "Hz"},
    {"latency", 0, "MS", "wanted latency, % (default 800)", option_real, PLACE(latency_ms), 1,
     30000, "ms"},
    {"memory", 0, "KIND", "kind of memory: model (default), carry, rolling or bounded",
     option_memory, PLACE(stream_options.memory)},
    {"warmup", 0, "SECONDS", "warm-up of rolling memory (default: 2, or a quarter of the segment)",
     option_real, PLACE(stream_options.warmup), 0.01, 60, "seconds"},
    {"devices", 0, NULL, "--list-devices", .set = NULL},
};

const program_table bench_program = {
    "bsm-bench",
    "usage: bsm-bench [options]\n"
    "Measure how fast a model separates on this machine.\n",
    table,
    sizeof table / sizeof *table,
    "",
};

static void set_defaults(bench_args *args)
{
    *args = (bench_args){.repeats = 5,
                         .loss = bsm_loss_published(),
                         .stream_options = {.sample_rate = 48000},
                         .blocks = {64, 256, 1024},
                         .num_blocks = 3,
                         .play = 10};
}

/* Check the options that exclude each other, and set what follows from them. */
static bsm_status check_together(bench_args *args, bsm_error *error)
{
    if (args->train && args->stream) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--train and --stream do not go together");
    }
    if (args->checkpointing && !args->train) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--checkpointing goes with --train");
    }
    if (!args->preset && !args->stream) {
        args->preset = "paper";
    }
    args->stream_options.latency = args->latency_ms / 1000;
    if (args->stream && !args->precision_given) {
        args->precision = BSM_PRECISION_LIVE;
    }
    args->stream_options.precision = args->precision;
    if (args->num_devices == 0) {
        args->devices[args->num_devices++] = BSM_DEVICE_AUTO;
    }
    if (args->num_seconds == 0) {
        static const double windows[] = {1, 4, 8}, item[] = {2};
        args->num_seconds = args->train ? 1 : 3;
        memcpy(args->seconds, args->train ? item : windows, args->num_seconds * sizeof *item);
    }
    return BSM_OK;
}

bsm_status bench_args_parse(int argc, char **argv, bench_args *args, bsm_error *error)
{
    set_defaults(args);
    int operands;
    bsm_status status =
        program_parse(&bench_program, argc, argv, args, &args->action, &operands, error);
    if (!status && args->action == PROGRAM_RUN && operands < argc) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "'%s': no such argument", argv[operands]);
    }
    return status ? status : check_together(args, error);
}
