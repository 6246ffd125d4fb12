/* SPDX-License-Identifier: ISC */
/* The command line of bsm-trainer. */
#include "args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/home.h"

const char trainer_args_help[] =
    "usage: bsm-trainer [options] CONFIG\n"
    "       bsm-trainer --validate MODEL [options] [CONFIG]\n"
    "Train a network as the YAML file CONFIG says, or measure how well a model separates.\n"
    "\n"
    "      --set KEY=VALUE   set a key of the configuration, as training.batch_size=1\n"
    "      --resume          go on from the newest checkpoint of training.output_dir\n"
    "      --print-config    print all values in force as YAML, and end\n"
    "  -q, --quiet           print errors only\n"
    "  -h, --help            show this help\n"
    "  -V, --version         show the version\n"
    "\n"
    "      --validate MODEL  separate tracks with MODEL and print the ratios of each\n"
    "      --data ROOT       folder of the tracks (default: the configuration's)\n"
    "      --sources NAMES   what a track consists of (default: vocals,drums,bass,other)\n"
    "      --subset SUBSET   train, valid (default) or test\n"
    "      --duration SECONDS  length of a window (default: as the model was trained)\n"
    "      --stream C,L      as live: commit C frames at a time, look L ahead\n"
    "      --precision NAME  float32 (default), tf32, bfloat16 or int8 will do\n"
    "      --max-seconds S   only so much of each track, from its middle\n"
    "      --json FILE       write the ratios for programs\n"
    "      --csv FILE        write the ratios for spreadsheets\n"
    "\n"
    "Exit status: 0 success, 2 usage or configuration, 3 model or checkpoint, 4 data, 5 output,\n"
    "6 device, or too many steps that are not finite, 7 memory, 130 stopped by a signal (with a\n"
    "checkpoint), 1 anything else.\n";

enum {
    OPTION_SET = 256,
    OPTION_RESUME,
    OPTION_PRINT_CONFIG,
    OPTION_VALIDATE,
    OPTION_DATA,
    OPTION_SOURCES,
    OPTION_SUBSET,
    OPTION_DURATION,
    OPTION_STREAM,
    OPTION_PRECISION,
    OPTION_MAX_SECONDS,
    OPTION_JSON,
    OPTION_CSV,
};

static const struct option options[] = {
    {"set", required_argument, NULL, OPTION_SET},
    {"resume", no_argument, NULL, OPTION_RESUME},
    {"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
    {"validate", required_argument, NULL, OPTION_VALIDATE},
    {"data", required_argument, NULL, OPTION_DATA},
    {"sources", required_argument, NULL, OPTION_SOURCES},
    {"subset", required_argument, NULL, OPTION_SUBSET},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"stream", required_argument, NULL, OPTION_STREAM},
    {"precision", required_argument, NULL, OPTION_PRECISION},
    {"max-seconds", required_argument, NULL, OPTION_MAX_SECONDS},
    {"json", required_argument, NULL, OPTION_JSON},
    {"csv", required_argument, NULL, OPTION_CSV},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {0},
};

static bsm_status add(trainer_args *args, const char *assignment)
{
    args->assignments[args->num_assignments++] = assignment; /* there is room for all of argv */
    return BSM_OK;
}

/* What an option stands for, "KEY=[VALUE]" or "KEY=VALUE". */
static bsm_status add_option(trainer_args *args, const char *format, const char *value,
                             bsm_error *error)
{
    char *text;
    if (asprintf(&text, format, value) < 0) {
        return bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    args->owned[args->num_owned++] = text;
    return add(args, text);
}

/* Shells leave a "~" behind an equals sign as it is. */
static bsm_status set_path(trainer_args *args, const char *value, const char **path,
                           bsm_error *error)
{
    *path = value;
    if (value[0] != '~') {
        return BSM_OK;
    }
    char *text = strdup(value);
    bsm_status status =
        text ? bsm_home_expand(&text, error) : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    if (status) {
        free(text);
        return status;
    }
    args->owned[args->num_owned++] = text;
    *path = text;
    return BSM_OK;
}

static bsm_status add_stream(trainer_args *args, const char *value, bsm_error *error)
{
    const size_t commit = strspn(value, "0123456789");
    const char *lookahead = value + commit + 1;
    if (commit == 0 || value[commit] != ',' || !*lookahead || atol(value) == 0 ||
        lookahead[strspn(lookahead, "0123456789")]) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--stream %s: is not C,L, frames to commit and to look ahead", value);
    }
    char *digits = strndup(value, commit);
    bsm_status status = digits ? add_option(args, "validation.commit=%s", digits, error)
                               : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    free(digits);
    return status ? status : add_option(args, "validation.lookahead=%s", lookahead, error);
}

static bsm_status apply(int option, char *value, trainer_args *args, bsm_error *error)
{
    switch (option) {
    case OPTION_SET: return add(args, value);
    case OPTION_RESUME: return add(args, "training.resume_from=latest");
    case OPTION_PRINT_CONFIG: args->action = TRAINER_PRINT_CONFIG; break;
    case OPTION_VALIDATE:
        args->action = TRAINER_VALIDATE;
        return set_path(args, value, &args->model, error);
    case OPTION_DATA: return set_path(args, value, &args->data, error);
    case OPTION_SOURCES: return add_option(args, "data.sources=[%s]", value, error);
    case OPTION_SUBSET: return add_option(args, "validation.subset=%s", value, error);
    case OPTION_DURATION: return add_option(args, "validation.duration=%s", value, error);
    case OPTION_STREAM: return add_stream(args, value, error);
    case OPTION_PRECISION: return add_option(args, "validation.precision=%s", value, error);
    case OPTION_MAX_SECONDS: return add_option(args, "validation.max_seconds=%s", value, error);
    case OPTION_JSON: return set_path(args, value, &args->json, error);
    case OPTION_CSV: return set_path(args, value, &args->csv, error);
    case 'q': args->quiet = true; break;
    case 'h': args->action = TRAINER_HELP; break;
    case 'V': args->action = TRAINER_VERSION; break;
    default: return bsm_fail(error, BSM_INVALID_ARGUMENT, "the command line was not understood");
    }
    return BSM_OK;
}

static bsm_status check(const trainer_args *args, int operands, bsm_error *error)
{
    if (operands > 1) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "there is more than one configuration");
    }
    if (args->action == TRAINER_TRAIN && operands == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "the configuration is missing");
    }
    if (args->action != TRAINER_VALIDATE && (args->data || args->json || args->csv)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--data, --json and --csv go with --validate");
    }
    return BSM_OK;
}

bsm_status trainer_args_parse(int argc, char **argv, trainer_args *args, bsm_error *error)
{
    *args = (trainer_args){.action = TRAINER_TRAIN};
    /* An option may stand for two assignments. */
    args->assignments = calloc(2 * (size_t)argc + 1, sizeof *args->assignments);
    args->owned = calloc(2 * (size_t)argc + 1, sizeof *args->owned);
    bsm_status status =
        args->assignments && args->owned ? BSM_OK : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    int option;
    while (!status && args->action != TRAINER_HELP && args->action != TRAINER_VERSION &&
           (option = getopt_long(argc, argv, "qhV", options, NULL)) != -1) {
        status = apply(option, optarg, args, error);
    }
    if (!status && args->action != TRAINER_HELP && args->action != TRAINER_VERSION) {
        args->config = argv[optind];
        status = check(args, argc - optind, error);
    }
    if (status) {
        trainer_args_free(args);
    }
    return status;
}

void trainer_args_free(trainer_args *args)
{
    for (size_t i = 0; i < args->num_owned; i++) {
        free(args->owned[i]);
    }
    free(args->owned);
    free(args->assignments);
    *args = (trainer_args){0};
}
