/* SPDX-License-Identifier: ISC */
/* The command line of bsm-separate. */
#include "separate_args.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "draw.h"

const char separate_args_help[] =
    "usage: bsm-separate [options] FILE|FOLDER|-...         (- is standard input)\n"
    "Take the vocals out of music: writes NAME.vocals.wav and NAME.instrumental.wav.\n"
    "  -o, --output DIR      write there, not beside the input; - is standard output\n"
    "      --name PATTERN    of the outputs; default {name}.{stem}\n"
    "      --only PART       write the vocals or the instrumental alone\n"
    "      --stems           also write each stem that the model knows\n"
    "      --format FORMAT   wav (default), flac, ogg, mp3, opus; raw for -o -\n"
    "      --bits BITS       16, 24 or 32 (float); default 24 for flac, else 32\n"
    "      --gain DB         make the outputs louder\n"
    "      --picture         also draw spectrograms of all, as NAME.picture.png\n"
    "  -f, --force           replace existing outputs\n"
    "  -m, --model MODEL     file or name (default: $BSM_MODEL or the installed one)\n"
    "  -d, --device DEVICE   auto (default), cpu, reference or cuda\n"
    "      --precision NAME  float32 (default), tf32, bfloat16 or int8 will do\n"
    "  -t, --threads N       processor threads (default: one per core)\n"
    "      --window SECONDS  length of a window (default: as the model was trained)\n"
    "      --overlap PART    of a window shared with the next, 0 to 0.9 (default 0.5)\n"
    "      --stream C,L      as live: commit C frames at a time, look L ahead\n"
    "  -q, --quiet           print errors only\n"
    "  -h, --help            show this help\n"
    "  -V, --version         show the version\n"
    "Exit status: 0 success, 2 usage, 3 model, 4 input, 5 output, 6 device,\n"
    "7 memory, 130 cancelled, 1 anything else.\n";

enum {
    OPTION_FORMAT = 256,
    OPTION_BITS,
    OPTION_STEMS,
    OPTION_NAME,
    OPTION_ONLY,
    OPTION_GAIN,
    OPTION_PICTURE,
    OPTION_PRECISION,
    OPTION_WINDOW,
    OPTION_OVERLAP,
    OPTION_STREAM
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"bits", required_argument, NULL, OPTION_BITS},
    {"stems", no_argument, NULL, OPTION_STEMS},
    {"name", required_argument, NULL, OPTION_NAME},
    {"only", required_argument, NULL, OPTION_ONLY},
    {"gain", required_argument, NULL, OPTION_GAIN},
    {"picture", no_argument, NULL, OPTION_PICTURE},
    {"force", no_argument, NULL, 'f'},
    {"model", required_argument, NULL, 'm'},
    {"device", required_argument, NULL, 'd'},
    {"precision", required_argument, NULL, OPTION_PRECISION},
    {"threads", required_argument, NULL, 't'},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"overlap", required_argument, NULL, OPTION_OVERLAP},
    {"stream", required_argument, NULL, OPTION_STREAM},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static bsm_status bad_value(bsm_error *error, const char *option, const char *text,
                            const char *expected)
{
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s %s: not %s", option, text, expected);
}

/* ---- Values ---- */

/* A whole number at the start of `text`; `end` is what follows it. False if there is none. */
static bool scan_size(const char *text, size_t highest, size_t *value, const char **end)
{
    if (*text < '0' || *text > '9') { /* strtoull would take blanks and a minus */
        return false;
    }
    char *after;
    errno = 0;
    unsigned long long number = strtoull(text, &after, 10);
    *value = (size_t)number;
    *end = after;
    return errno == 0 && number <= highest;
}

static bool scan_real(const char *text, double *value)
{
    char *after;
    *value = strtod(text, &after);
    return after != text && *after == '\0' && isfinite(*value);
}

static bsm_status parse_format(const char *text, bsm_file_format *format, bsm_error *error)
{
    static const char *const names[] = {
        [BSM_FILE_WAV] = "wav", [BSM_FILE_FLAC] = "flac", [BSM_FILE_OGG] = "ogg",
        [BSM_FILE_MP3] = "mp3", [BSM_FILE_OPUS] = "opus", [BSM_FILE_RAW] = "raw"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *format = (bsm_file_format)i;
            return BSM_OK;
        }
    }
    return bad_value(error, "format", text, "wav, flac, ogg, mp3, opus or raw");
}

static bsm_status parse_only(const char *text, bsm_separate_only *only, bsm_error *error)
{
    *only = strcmp(text, "vocals") == 0 ? BSM_ONLY_VOCALS : BSM_ONLY_INSTRUMENTAL;
    return *only == BSM_ONLY_VOCALS || strcmp(text, "instrumental") == 0
               ? BSM_OK
               : bad_value(error, "only", text, "vocals or instrumental");
}

static bsm_status parse_gain(const char *text, double *gain, bsm_error *error)
{
    if (!scan_real(text, gain) || fabs(*gain) > 60) {
        return bad_value(error, "gain", text, "a number of dB from -60 to 60");
    }
    return BSM_OK;
}

/* A name for each part, in one folder: the outputs of one input have to differ. */
static bsm_status parse_name(const char *text, const char **name, bsm_error *error)
{
    if (strchr(text, '/') || !*text) {
        return bad_value(error, "name", text, "a name without folders, such as {name}.{stem}");
    }
    *name = text;
    return BSM_OK;
}

static bsm_status parse_output(const char *text, bsm_separate_options *options, bsm_error *error)
{
    if (!*text) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--output: the folder's name is empty");
    }
    const bool stream = strcmp(text, "-") == 0;
    options->stream = stream ? STDOUT_FILENO : 0;
    options->output_dir = stream ? NULL : text;
    return BSM_OK;
}

static bsm_status parse_bits(const char *text, int *bits, bsm_error *error)
{
    if (strcmp(text, "16") && strcmp(text, "24") && strcmp(text, "32")) {
        return bad_value(error, "bits", text, "16, 24 or 32");
    }
    *bits = atoi(text);
    return BSM_OK;
}

static bsm_status parse_threads(const char *text, size_t *threads, bsm_error *error)
{
    const char *end;
    if (!scan_size(text, 1024, threads, &end) || *end || *threads == 0) {
        return bad_value(error, "threads", text, "1 to 1024");
    }
    return BSM_OK;
}

static bsm_status parse_window(const char *text, double *window, bsm_error *error)
{
    if (!scan_real(text, window) || *window <= 0 || *window > BSM_MAX_WINDOW) {
        return bad_value(error, "window", text, "a number of seconds up to 60");
    }
    return BSM_OK;
}

static bsm_status parse_overlap(const char *text, double *overlap, bsm_error *error)
{
    if (!scan_real(text, overlap) || *overlap < 0 || *overlap > 0.9) {
        return bad_value(error, "overlap", text, "0 to 0.9");
    }
    return BSM_OK;
}

static bsm_status parse_stream(const char *text, size_t *commit, size_t *lookahead,
                               bsm_error *error)
{
    const char *end;
    if (!scan_size(text, BSM_MAX_BLOCK, commit, &end) || *commit == 0 || *end != ',' ||
        !scan_size(end + 1, BSM_MAX_BLOCK, lookahead, &end) || *end) {
        return bad_value(error, "stream", text, "C,L, two numbers of frames up to 6000");
    }
    return BSM_OK;
}

static bsm_status parse_device(const char *text, bsm_device_kind *device, bsm_error *error)
{
    if (bsm_device_kind_parse(text, device, NULL)) {
        return bad_value(error, "device", text, "auto, cpu, reference or cuda");
    }
    return BSM_OK;
}

static bsm_status parse_precision(const char *text, bsm_precision *precision, bsm_error *error)
{
    bsm_error cause;
    return bsm_precision_parse(text, precision, &cause)
               ? bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s", cause.message)
               : BSM_OK;
}

/* ---- The line ---- */

static bsm_status parse_option(int option, const char *value, separate_args *args, bsm_error *error)
{
    bsm_separate_options *options = &args->options;
    switch (option) {
    case 'o': return parse_output(value, options, error);
    case OPTION_NAME: return parse_name(value, &options->name, error);
    case OPTION_ONLY: return parse_only(value, &options->only, error);
    case OPTION_GAIN: return parse_gain(value, &options->gain, error);
    case OPTION_FORMAT: return parse_format(value, &options->format, error);
    case OPTION_BITS: return parse_bits(value, &options->bits, error);
    case OPTION_STEMS: options->all_stems = true; return BSM_OK;
    case OPTION_PICTURE: args->picture = true; return draw_supported(error);
    case 'f': options->force = true; return BSM_OK;
    case 'm': args->model = value; return BSM_OK;
    case 'd': return parse_device(value, &args->device, error);
    case OPTION_PRECISION: return parse_precision(value, &args->precision, error);
    case 't': return parse_threads(value, &args->threads, error);
    case OPTION_WINDOW: return parse_window(value, &options->window, error);
    case OPTION_OVERLAP: return parse_overlap(value, &options->overlap, error);
    case OPTION_STREAM: return parse_stream(value, &options->commit, &options->lookahead, error);
    case 'q': args->quiet = true; return BSM_OK;
    case 'h': args->action = SEPARATE_HELP; return BSM_OK;
    case 'V': args->action = SEPARATE_VERSION; return BSM_OK;
    default: return BSM_INVALID_ARGUMENT;
    }
}

/* Nothing else can be wrong with such an option. */
static bool takes_no_value(int option)
{
    for (const struct option *o = long_options; o->name; o++) {
        if (o->val == option) {
            return o->has_arg == no_argument;
        }
    }
    return false;
}

/* getopt's own words would name the program by its path. */
static bsm_status fail_getopt(int option, char *const *argv, bsm_error *error)
{
    const char *last = argv[optind - 1];
    if (option == ':') {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: needs a value", last);
    }
    if (takes_no_value(optopt)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: the option takes no value", last);
    }
    if (optopt && optopt < 256) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "-%c: no such option", optopt);
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: no such option", last);
}

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
                        "--stream has no windows: leave out --window and --overlap");
    }
    if (options->only != BSM_BOTH_PARTS && options->all_stems) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--only and --stems exclude each other");
    }
    bsm_status status = check_format(options, error);
    return status ? status : check_names(args, error);
}

bsm_status separate_args_parse(int argc, char **argv, separate_args *args, bsm_error *error)
{
    *args = (separate_args){.device = BSM_DEVICE_AUTO, .options = {.overlap = -1}};
    optind = 0; /* from the start, also a second time */
    int option;
    while ((option = getopt_long(argc, argv, ":o:fm:d:t:qhV", long_options, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return fail_getopt(option, argv, error);
        }
        bsm_status status = parse_option(option, optarg, args, error);
        if (status || args->action != SEPARATE_FILES) {
            return status;
        }
    }
    args->inputs = argv + optind;
    args->num_inputs = (size_t)(argc - optind);
    return check_together(args, error);
}
