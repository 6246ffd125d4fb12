/* SPDX-License-Identifier: ISC */
/* Parses the command line of bsm-separate. */
#include "separate_jobs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "picture.h"

/* ---- Values ---- */

/* Refuse patterns with folders and empty ones. check_names makes sure that the outputs of one input
 * get different names. */
static bsm_status set_name(void *target, const program_option *option, const char *value,
                           bsm_error *error)
{
    if (strchr(value, '/') || !*value) {
        return option_refuse(option, value, "a name without folders, such as {name}.{stem}", error);
    }
    return option_text(target, option, value, error);
}

static bsm_status set_output(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    bsm_separate_options *options = &((separate_args *)target)->options;
    if (!*value) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s: the folder's name is empty",
                        option->name);
    }
    const bool stream = strcmp(value, "-") == 0;
    options->stream = stream ? STDOUT_FILENO : 0;
    options->output_dir = stream ? NULL : value;
    return BSM_OK;
}

static bsm_status set_bits(void *target, const program_option *option, const char *value,
                           bsm_error *error)
{
    if (strcmp(value, "16") && strcmp(value, "24") && strcmp(value, "32")) {
        return option_refuse(option, value, "16, 24 or 32", error);
    }
    ((separate_args *)target)->options.bits = atoi(value);
    return BSM_OK;
}

static bsm_status set_picture(void *target, const program_option *option, const char *value,
                              bsm_error *error)
{
    bsm_status status = option_flag(target, option, value, error);
    return status ? status : draw_supported(error);
}

static bsm_status set_commit(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    bsm_separate_options *options = &((separate_args *)target)->options;
    const char *end;
    if (!option_scan_size(value, BSM_MAX_BLOCK, &options->commit, &end) || options->commit == 0 ||
        *end != ',' || !option_scan_size(end + 1, BSM_MAX_BLOCK, &options->lookahead, &end) ||
        *end) {
        return option_refuse(option, value, "C,L, two numbers of frames up to 6000", error);
    }
    return BSM_OK;
}

/* ---- The table ---- */

static const char *const formats[] = {[BSM_FILE_WAV] = "wav",
                                      [BSM_FILE_FLAC] = "flac",
                                      [BSM_FILE_OGG] = "ogg",
                                      [BSM_FILE_MP3] = "mp3",
                                      [BSM_FILE_OPUS] = "opus",
                                      [BSM_FILE_RAW] = "raw",
                                      NULL};
static const char *const parts[] = {"vocals", "instrumental", NULL};

#define PLACE(field) .place = offsetof(separate_args, field)

static const program_option table[] = {
    {"output", 'o', "DIR", "write to DIR, not beside the input; - is standard output",
     .set = set_output},
    {"name", 0, "PATTERN", "names of the outputs (default {name}.{stem})", set_name,
     PLACE(options.name)},
    {"only", 0, "PART", "write only the vocals or only the instrumental", option_choice,
     PLACE(options.only), BSM_ONLY_VOCALS, .choices = parts},
    {"stems", 0, NULL, "also write every stem of the model", option_flag, PLACE(options.all_stems)},
    {"format", 0, "FORMAT", "% (default wav)", option_choice, PLACE(options.format),
     .choices = formats},
    {"bits", 0, "BITS", "16, 24 or 32 (float); default 24 for flac, else 32", .set = set_bits},
    {"gain", 0, "DB", "make the outputs louder by %", option_real, PLACE(options.gain), -60, 60,
     "dB"},
    {"normalize", 0, NULL, "make all outputs as loud as possible, by one gain", option_flag,
     PLACE(options.normalize)},
    {"picture", 0, NULL, "also draw spectrograms into NAME.picture.png", set_picture,
     PLACE(picture)},
    {"force", 'f', NULL, "replace existing outputs", option_flag, PLACE(options.force)},
    {"model", 'm', "MODEL", "file or name (default: $BSM_MODEL or the installed one)", option_text,
     PLACE(model)},
    {"device", 'd', "DEVICE", "auto (default), cpu, reference or cuda", option_device,
     PLACE(device)},
    {"precision", 0, "NAME", "least precision: float32 (default), tf32, bfloat16, int8",
     option_precision, PLACE(precision)},
    {"threads", 't', "N", "processor threads, % (default: one per core)", option_size,
     PLACE(threads), 1, 1024},
    {"window", 0, "SECONDS", "length of a window (default: as the model was trained)", option_real,
     PLACE(options.window), 0.001, BSM_MAX_WINDOW, "seconds"},
    {"overlap", 0, "PART", "part that two windows share, % (default 0.5)", option_real,
     PLACE(options.overlap), 0, 0.9},
    {"commit", 0, "C,L", NULL, .set = set_commit},
    {"memory", 0, "KIND", NULL, option_memory, PLACE(options.memory)},
    {"warmup", 0, "SECONDS", "as live: commit C, L ahead", option_real, PLACE(options.warmup), 0.01,
     60, "seconds"},
    {"quiet", 'q', NULL, "print errors only", option_flag, PLACE(quiet)},
    OPTIONS_OF_ALL,
    {"stream", 0, "C,L", "--commit", .set = NULL},
};

const program_table separate_program = {
    "bsm-separate",
    "usage: bsm-separate [options] FILE|FOLDER|-...         (- is standard input)\n"
    "Take the vocals out of music: writes NAME.vocals.wav and NAME.instrumental.wav.\n",
    table,
    sizeof table / sizeof *table,
    "Exit status: 0 success, 2 usage, 3 model, 4 input, 5 output, 6 device,\n"
    "7 memory, 130 cancelled, 1 anything else.\n",
};

/* ---- What goes together ---- */

static bsm_status check_format(const bsm_separate_options *options, bsm_error *error)
{
    const bool lossy = options->format == BSM_FILE_OGG || options->format == BSM_FILE_MP3 ||
                       options->format == BSM_FILE_OPUS;
    if (lossy && options->bits) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--bits: Ogg Vorbis, MP3 and Opus have no number of bits");
    }
    if (options->format == BSM_FILE_FLAC && options->bits == 32) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--bits 32: FLAC has 16 or 24");
    }
    if (options->format == BSM_FILE_RAW && !options->stream) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--format raw: goes with --output - only");
    }
    return BSM_OK;
}

static bsm_status check_names(const separate_args *args, bsm_error *error)
{
    const bsm_separate_options *options = &args->options;
    const bool one = options->only != BSM_BOTH_PARTS && !options->all_stems;
    if (options->stream && (!one || args->picture || args->num_inputs > 1)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--output -: takes one part of one file: add --only vocals or --only "
                        "instrumental, without --stems and --picture");
    }
    if (options->stream && options->format != BSM_FILE_WAV && options->format != BSM_FILE_RAW) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--output -: needs --format wav or raw");
    }
    if (options->name && (!one || args->picture) && !strstr(options->name, "{stem}")) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--name %s: all parts would have one name; put {stem} into it",
                        options->name);
    }
    return BSM_OK;
}

static bsm_status check_together(const separate_args *args, bsm_error *error)
{
    const bsm_separate_options *options = &args->options;
    if (args->num_inputs == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "no file or folder given");
    }
    if (options->commit && (options->window > 0 || options->overlap >= 0)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--commit has no windows: leave out --window and --overlap");
    }
    if (!options->commit && (options->memory != BSM_MEMORY_MODEL || options->warmup > 0)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--memory and --warmup: go with --commit; windows remember nothing");
    }
    if (options->only != BSM_BOTH_PARTS && options->all_stems) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--only and --stems exclude each other");
    }
    if (options->normalize && options->gain != 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--gain and --normalize exclude each other");
    }
    bsm_status status = check_format(options, error);
    return status ? status : check_names(args, error);
}

bsm_status separate_args_parse(int argc, char **argv, separate_args *args, bsm_error *error)
{
    *args = (separate_args){.device = BSM_DEVICE_AUTO, .options = {.overlap = -1}};
    int operands;
    bsm_status status =
        program_parse(&separate_program, argc, argv, args, &args->action, &operands, error);
    if (status || args->action != PROGRAM_RUN) {
        return status;
    }
    args->inputs = argv + operands;
    args->num_inputs = (size_t)(argc - operands);
    return check_together(args, error);
}
