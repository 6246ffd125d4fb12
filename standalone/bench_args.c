/* SPDX-License-Identifier: ISC */
/* The command line of bsm-bench. */
#include "bench_args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "exit_code.h"

static void print_help(void)
{
    puts("usage: bsm-bench [options]\n"
         "Measure how fast a model separates on this machine.\n"
         "\n"
         "  -m, --model FILE      the model to run\n"
         "  -c, --config NAME     without a model: an untrained one, paper (default but with\n"
         "                        --stream), lite, live or tiny\n"
         "  -d, --device NAME     auto (default), cpu, reference, cuda, or all; may be repeated\n"
         "      --devices         only say which devices there are, and why others cannot be used\n"
         "      --precision NAME  float32 (default), or where the device has it tf32,\n"
         "                        bfloat16 or int8\n"
         "  -t, --threads N       processor threads (default: one per core)\n"
         "      --json            print JSON\n"
         "  -h, --help            show this help\n"
         "  -V, --version         show the version\n"
         "Whole windows and the scan (default):\n"
         "      --seconds LIST    lengths of audio (default 1,4,8)\n"
         "      --repeats N       timed runs of each (default 5)\n"
         "      --profile         each module's GFLOP/s, and how near to the CPU's peak that is\n"
         "Training:\n"
         "      --train           steps with one item each, forward and backward (default 2 s)\n"
         "      --checkpointing   keep less and compute more\n"
         "      --stft-windows LIST  of the loss (default 4096,2048,1024,512,256)\n"
         "      --stft-hop N      of the loss (default 147)\n"
         "Live:\n"
         "      --stream          the audio thread's call, and deadlines in real time, of the "
         "model\n"
         "                        that would play ($BSM_MODEL, or the installed one)\n"
         "      --blocks LIST     samples per call (default 64,256,1024)\n"
         "      --play SECONDS    in real time, for each block size (default 10)\n"
         "      --rate HZ         of the host (default 48000)\n"
         "      --latency SECONDS the wished latency (default 0.8)\n"
         "      --memory KIND     model (default), carry or bounded\n");
}

static bool parse_number(const char *text, double low, double high, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value >= low && *value <= high;
}

static bool parse_size(const char *text, double high, size_t *value)
{
    double number;
    if (!parse_number(text, 1, high, &number) || number != (double)(size_t)number) {
        return false;
    }
    *value = (size_t)number;
    return true;
}

static bool parse_list(char *list, double low, double high, double *values, size_t *count)
{
    *count = 0;
    for (char *save, *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        if (*count == BENCH_MAX_LIST || !parse_number(item, low, high, &values[*count])) {
            return false;
        }
        (*count)++;
    }
    return *count > 0;
}

static bool parse_blocks(char *list, bench_args *args)
{
    double values[BENCH_MAX_LIST];
    if (!parse_list(list, 1, BSM_STREAM_MAX_BLOCK, values, &args->num_blocks)) {
        return false;
    }
    for (size_t i = 0; i < args->num_blocks; i++) {
        args->blocks[i] = (size_t)values[i];
    }
    return true;
}

static bool parse_stft_windows(char *list, bsm_loss_options *loss)
{
    double values[BENCH_MAX_LIST];
    size_t count;
    if (!parse_list(list, 2, 1 << 24, values, &count) || count > BSM_MAX_LOSS_WINDOWS) {
        return false;
    }
    loss->num_windows = count;
    for (size_t i = 0; i < count; i++) {
        loss->windows[i] = (size_t)values[i];
    }
    return true;
}

static bool parse_device(const char *name, bench_args *args)
{
    if (!strcmp(name, "all")) {
        return parse_device("cpu", args) && parse_device("reference", args);
    }
    return args->num_devices < BENCH_MAX_LIST &&
           !bsm_device_kind_parse(name, &args->devices[args->num_devices++], NULL);
}

static bool parse_memory(const char *name, bsm_stream_options *options)
{
    static const char *const names[] = {
        [BSM_MEMORY_MODEL] = "model",
        [BSM_MEMORY_CARRY] = "carry",
        [BSM_MEMORY_BOUNDED] = "bounded",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) {
            options->memory = (bsm_memory)i;
            return true;
        }
    }
    return false;
}

static bool parse_value(int option, char *value, bench_args *args)
{
    switch (option) {
    case 'm': args->model_path = value; return true;
    case 'c': args->preset = value; return true;
    case 'd': return parse_device(value, args);
    case 't': return parse_size(value, 1024, &args->threads);
    case 's': return parse_list(value, 0.01, 3600, args->seconds, &args->num_seconds);
    case 'P': return !bsm_precision_parse(value, &args->precision, NULL);
    case 'r': return parse_size(value, BENCH_MAX_REPEATS, &args->repeats);
    case 'b': return parse_blocks(value, args);
    case 'p': return parse_number(value, 0.1, 36000, &args->play);
    case 'R': return parse_size(value, BSM_STREAM_MAX_RATE, &args->stream_options.sample_rate);
    case 'w': return parse_stft_windows(value, &args->loss);
    case 'H': return parse_size(value, 1 << 24, &args->loss.hop);
    case 'l': return parse_number(value, 0.01, 30, &args->stream_options.latency);
    default: return parse_memory(value, &args->stream_options);
    }
}

static int parse_option(int option, bench_args *args)
{
    switch (option) {
    case 'h': print_help(); return EXIT_CODE_OK;
    case 'V': puts("bsm-bench " BSM_VERSION); return EXIT_CODE_OK;
    case '?':
        fputs("bsm-bench: no such option, or its value is missing. Try bsm-bench --help.\n",
              stderr);
        return EXIT_CODE_USAGE;
    case 'j': args->json = true; return BENCH_ARGS_OK;
    case 'S': args->stream = true; return BENCH_ARGS_OK;
    case 'T': args->train = true; return BENCH_ARGS_OK;
    case 'D': args->list_devices = true; return BENCH_ARGS_OK;
    case 'O': args->profile = true; return BENCH_ARGS_OK;
    case 'C': args->checkpointing = true; return BENCH_ARGS_OK;
    default: break;
    }
    if (!parse_value(option, optarg, args)) {
        fprintf(stderr, "bsm-bench: '%s' is not a value for this option. Try bsm-bench --help.\n",
                optarg);
        return EXIT_CODE_USAGE;
    }
    return BENCH_ARGS_OK;
}

static void set_defaults(bench_args *args)
{
    *args = (bench_args){.repeats = 5,
                         .loss = bsm_loss_published(),
                         .stream_options = {.sample_rate = 48000},
                         .blocks = {64, 256, 1024},
                         .num_blocks = 3,
                         .play = 10};
}

/* What the options mean together. */
static int check_together(bench_args *args)
{
    if (args->train && args->stream) {
        fputs("bsm-bench: --train and --stream do not go together\n", stderr);
        return EXIT_CODE_USAGE;
    }
    if (args->checkpointing && !args->train) {
        fputs("bsm-bench: --checkpointing goes with --train\n", stderr);
        return EXIT_CODE_USAGE;
    }
    if (!args->preset && !args->stream) {
        args->preset = "paper";
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
    return BENCH_ARGS_OK;
}

int bench_args_parse(int argc, char **argv, bench_args *args)
{
    static const struct option options[] = {{"model", required_argument, NULL, 'm'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"device", required_argument, NULL, 'd'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"threads", required_argument, NULL, 't'},
                                            {"repeats", required_argument, NULL, 'r'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"stream", no_argument, NULL, 'S'},
                                            {"blocks", required_argument, NULL, 'b'},
                                            {"play", required_argument, NULL, 'p'},
                                            {"rate", required_argument, NULL, 'R'},
                                            {"latency", required_argument, NULL, 'l'},
                                            {"memory", required_argument, NULL, 'M'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"devices", no_argument, NULL, 'D'},
                                            {"precision", required_argument, NULL, 'P'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"train", no_argument, NULL, 'T'},
                                            {"checkpointing", no_argument, NULL, 'C'},
                                            {"stft-windows", required_argument, NULL, 'w'},
                                            {"stft-hop", required_argument, NULL, 'H'},
                                            {"profile", no_argument, NULL, 'O'},
                                            {0}};
    set_defaults(args);
    opterr = 0; /* one line, and with this program's name */
    for (int option; (option = getopt_long(argc, argv, "m:c:d:t:hV", options, NULL)) != -1;) {
        int end = parse_option(option, args);
        if (end != BENCH_ARGS_OK) {
            return end;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bsm-bench: '%s': no such argument. Try bsm-bench --help.\n", argv[optind]);
        return EXIT_CODE_USAGE;
    }
    return check_together(args);
}
