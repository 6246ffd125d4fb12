/* SPDX-License-Identifier: ISC */
/* The command line of bsm-trainer. */
#include "args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/separate.h"
#include "config/settings.h"

/* ---- Values ---- */

static bsm_status add(trainer_args *args, const char *assignment)
{
    /* the array has room for as many as argv has */
    args->assignments[args->num_assignments++] = assignment;
    return BSM_OK;
}

/* Add the assignment of an option, whose format is "KEY=[VALUE]" or "KEY=VALUE". */
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

static bsm_status set_assignment(void *target, const program_option *option, const char *value,
                                 bsm_error *error)
{
    (void)option, (void)error;
    return add(target, value);
}

/* Handle an option that stands for a key; its detail is a format. */
static bsm_status set_key(void *target, const program_option *option, const char *value,
                          bsm_error *error)
{
    return add_option(target, option->detail, value, error);
}

static bsm_status set_resume(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    (void)value, (void)error;
    return add(target, option->detail);
}

static bsm_status set_action(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    (void)value, (void)error;
    ((trainer_args *)target)->action = (trainer_action)option->low;
    return BSM_OK;
}

/* Shells do not expand a "~" after an equals sign. */
static bsm_status set_path(void *target, const program_option *option, const char *value,
                           bsm_error *error)
{
    if (value[0] != '~') {
        return option_text(target, option, value, error);
    }
    trainer_args *args = target;
    char *text = strdup(value);
    bsm_status status =
        text ? bsm_home_expand(&text, error) : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    if (status) {
        free(text);
        return status;
    }
    args->owned[args->num_owned++] = text;
    return option_text(target, option, text, error);
}

static bsm_status set_validate(void *target, const program_option *option, const char *value,
                               bsm_error *error)
{
    ((trainer_args *)target)->action = TRAINER_VALIDATE;
    return set_path(target, option, value, error);
}

static bsm_status set_commit(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    size_t commit, lookahead;
    const char *end;
    if (!option_scan_size(value, BSM_MAX_BLOCK, &commit, &end) || commit == 0 || *end != ',' ||
        !option_scan_size(end + 1, BSM_MAX_BLOCK, &lookahead, &end) || *end) {
        return option_refuse(option, value, "C,L, two numbers of frames up to 6000", error);
    }
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", commit);
    bsm_status status = add_option(target, "validation.commit=%s", digits, error);
    snprintf(digits, sizeof digits, "%zu", lookahead);
    return status ? status : add_option(target, "validation.lookahead=%s", digits, error);
}

/* ---- The table ---- */

#define PLACE(field) .place = offsetof(trainer_args, field)

static const program_option table[] = {
    {"set", 0, "KEY=VALUE", "set a key of the configuration, such as training.batch_size=1",
     .set = set_assignment},
    {"resume", 0, NULL, "go on from the newest checkpoint of training.output_dir", set_resume,
     .detail = "training.resume_from=latest"},
    {"print-config", 0, NULL, "print all values in force as YAML, and exit", set_action,
     .low = TRAINER_PRINT_CONFIG},
    {"list-keys", 0, NULL, "print every key, its published value and what it does, and exit",
     set_action, .low = TRAINER_LIST_KEYS},
    {"threads", 't', "N", "processor threads (default: training.threads)", set_key,
     .detail = "training.threads=%s"},
    {"quiet", 'q', NULL, "print errors only", option_flag, PLACE(quiet)},
    OPTIONS_OF_ALL,
    {.help = "To measure a model:"},
    {"validate", 0, "MODEL", "separate tracks with MODEL and print each track's ratios",
     set_validate, PLACE(model)},
    {"data", 0, "ROOT", "folder of the tracks (default: the configuration's)", set_path,
     PLACE(data)},
    {"sources", 0, "NAMES", "sources that a track consists of (default: vocals,drums,bass,other)",
     set_key, .detail = "data.sources=[%s]"},
    {"subset", 0, "SUBSET", "train, valid (default) or test", set_key,
     .detail = "validation.subset=%s"},
    {"window", 0, "SECONDS", "length of a window (default: as the model was trained)", set_key,
     .detail = "validation.duration=%s"},
    {"commit", 0, "C,L", "separate as live: commit C frames at a time, look L ahead",
     .set = set_commit},
    {"precision", 0, "NAME", "least precision: float32 (default), tf32, bfloat16, int8", set_key,
     .detail = "validation.precision=%s"},
    {"max-seconds", 0, "SECONDS", "use only this much of each track, from its middle", set_key,
     .detail = "validation.max_seconds=%s"},
    {"json-file", 0, "FILE", "write the ratios as JSON, for programs", set_path, PLACE(json)},
    {"csv-file", 0, "FILE", "write the ratios as CSV, for spreadsheets", set_path, PLACE(csv)},
    {"duration", 0, "SECONDS", "--window", .set = NULL},
    {"stream", 0, "C,L", "--commit", .set = NULL},
    {"json", 0, "FILE", "--json-file", .set = NULL},
    {"csv", 0, "FILE", "--csv-file", .set = NULL},
};

const program_table trainer_program = {
    "bsm-trainer",
    "usage: bsm-trainer [options] CONFIG\n"
    "       bsm-trainer --validate MODEL [options] [CONFIG]\n"
    "Train a network by the YAML file CONFIG, or measure how well a model separates.\n",
    table,
    sizeof table / sizeof *table,
    "Exit status: 0 success, 2 usage or configuration, 3 model or checkpoint, 4 data,\n"
    "5 output, 6 device, or too many steps that are not finite, 7 memory, 130 stopped\n"
    "by a signal (with a checkpoint), 1 anything else.\n",
};

/* ---- The command line ---- */

static bsm_status check(const trainer_args *args, int operands, bsm_error *error)
{
    if (operands > 1) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "there is more than one configuration");
    }
    if (args->action == TRAINER_TRAIN && operands == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "the configuration is missing");
    }
    if (args->action != TRAINER_VALIDATE && (args->data || args->json || args->csv)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--data, --json-file and --csv-file go with --validate");
    }
    return BSM_OK;
}

bsm_status trainer_args_parse(int argc, char **argv, trainer_args *args, bsm_error *error)
{
    *args = (trainer_args){.action = TRAINER_TRAIN};
    /* One option may stand for two assignments. */
    args->assignments = calloc(2 * (size_t)argc + 1, sizeof *args->assignments);
    args->owned = calloc(2 * (size_t)argc + 1, sizeof *args->owned);
    bsm_status status =
        args->assignments && args->owned ? BSM_OK : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    program_action action = PROGRAM_RUN;
    int operands = argc;
    if (!status) {
        status = program_parse(&trainer_program, argc, argv, args, &action, &operands, error);
    }
    if (!status && action != PROGRAM_RUN) {
        args->action = action == PROGRAM_HELP ? TRAINER_HELP : TRAINER_VERSION;
    } else if (!status) {
        args->config = argv[operands];
        status = check(args, argc - operands, error);
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
