/* SPDX-License-Identifier: ISC */
/* The command line of bsm-live. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char live_options_help[] =
    "usage: bsm-live [--jack | --portaudio] [options]\n"
    "Take the vocals out of music while it plays.\n"
    "  -j, --jack               use JACK (default);   -n, --name NAME  as client\n"
    "  -c, --connect            connect to the physical ports\n"
    "      --connect-to PATTERN connect to ports whose names match; may be repeated\n"
    "  -p, --portaudio          use PortAudio;        -l, --list-devices\n"
    "      --device DEV         name or index; --input-device, --output-device apart\n"
    "      --rate HZ, --block N of the device\n"
    "  -m, --model FILE         model (default: $BSM_MODEL or the installed one)\n"
    "      --latency MS         from input to output, 800\n"
    "      --lookahead MS       part of it that the network looks into the future\n"
    "      --memory carry|SEC   how far the network remembers (default: as trained)\n"
    "  -d, --compute DEVICE     auto, cpu, reference or cuda; -t, --threads N\n"
    "      --precision NAME     float32 (default), tf32, bfloat16 or int8 will do\n"
    "      --vocals DB, --instrumental DB   gains in the remix, -60 (silent) to 20\n"
    "      --solo STEM          only vocals or instrumental in the remix\n"
    "      --stats FILE         append statistics every second, as JSON lines\n"
    "  -q, --quiet              print errors only\n"
    "  -h, --help, -V, --version\n"
    "Keys on a terminal: v V i I gains, s solo, b bypass, m model, r reload, q quit.\n"
    "SIGHUP reloads the model. Exit status: 0 ended by the user, 2 usage, 3 model,\n"
    "5 cannot write, 6 compute device, 7 memory, 8 audio system, 1 anything else.\n";

enum {
    OPTION_CONNECT_TO = 256,
    OPTION_DEVICE,
    OPTION_INPUT_DEVICE,
    OPTION_OUTPUT_DEVICE,
    OPTION_RATE,
    OPTION_BLOCK,
    OPTION_LATENCY,
    OPTION_LOOKAHEAD,
    OPTION_MEMORY,
    OPTION_PRECISION,
    OPTION_VOCALS,
    OPTION_INSTRUMENTAL,
    OPTION_SOLO,
    OPTION_STATS
};

static const struct option long_options[] = {
    {"jack", no_argument, NULL, 'j'},
    {"portaudio", no_argument, NULL, 'p'},
    {"name", required_argument, NULL, 'n'},
    {"connect", no_argument, NULL, 'c'},
    {"connect-to", required_argument, NULL, OPTION_CONNECT_TO},
    {"list-devices", no_argument, NULL, 'l'},
    {"device", required_argument, NULL, OPTION_DEVICE},
    {"input-device", required_argument, NULL, OPTION_INPUT_DEVICE},
    {"output-device", required_argument, NULL, OPTION_OUTPUT_DEVICE},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"block", required_argument, NULL, OPTION_BLOCK},
    {"model", required_argument, NULL, 'm'},
    {"latency", required_argument, NULL, OPTION_LATENCY},
    {"lookahead", required_argument, NULL, OPTION_LOOKAHEAD},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"compute", required_argument, NULL, 'd'},
    {"precision", required_argument, NULL, OPTION_PRECISION},
    {"threads", required_argument, NULL, 't'},
    {"vocals", required_argument, NULL, OPTION_VOCALS},
    {"instrumental", required_argument, NULL, OPTION_INSTRUMENTAL},
    {"solo", required_argument, NULL, OPTION_SOLO},
    {"stats", required_argument, NULL, OPTION_STATS},
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

static bsm_status parse_size(const char *option, const char *text, size_t lowest, size_t highest,
                             size_t *value, bsm_error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    bool digits = *text >= '0' && *text <= '9'; /* strtoull would take blanks and a minus */
    if (!digits || *end || errno || number < lowest || number > highest) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s %s: not a number from %zu to %zu",
                        option, text, lowest, highest);
    }
    *value = (size_t)number;
    return BSM_OK;
}

static bsm_status parse_real(const char *option, const char *text, double lowest, double highest,
                             double *value, bsm_error *error)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text || *end || !(*value >= lowest && *value <= highest)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s %s: not a number from %g to %g", option,
                        text, lowest, highest);
    }
    return BSM_OK;
}

static bsm_status parse_gain(const char *option, const char *text, float *gain, bsm_error *error)
{
    double db = BSM_REMIX_MIN_DB;
    bsm_status status = strcmp(text, "-inf") ? parse_real(option, text, BSM_REMIX_MIN_DB,
                                                          BSM_REMIX_MAX_DB, &db, error)
                                             : BSM_OK;
    *gain = (float)db;
    return status;
}

static bsm_status parse_solo(const char *text, bsm_solo *solo, bsm_error *error)
{
    if (!strcmp(text, "vocals")) {
        *solo = BSM_SOLO_VOCALS;
    } else if (!strcmp(text, "instrumental")) {
        *solo = BSM_SOLO_INSTRUMENTAL;
    } else {
        return bad_value(error, "solo", text, "vocals or instrumental");
    }
    return BSM_OK;
}

static bsm_status parse_memory(const char *text, live_options *o, bsm_error *error)
{
    o->carry = !strcmp(text, "carry");
    if (o->carry) {
        return BSM_OK;
    }
    if (parse_real("memory", text, 0.01, 60, &o->memory_seconds, NULL)) {
        return bad_value(error, "memory", text, "carry or a number of seconds from 0.01 to 60");
    }
    return BSM_OK;
}

static bsm_status parse_compute(const char *text, bsm_device_kind *kind, bsm_error *error)
{
    return bsm_device_kind_parse(text, kind, NULL)
               ? bad_value(error, "compute", text, "auto, cpu, reference or cuda")
               : BSM_OK;
}

static bsm_status parse_precision(const char *text, bsm_precision *precision, bsm_error *error)
{
    bsm_error cause;
    return bsm_precision_parse(text, precision, &cause)
               ? bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s", cause.message)
               : BSM_OK;
}

static bsm_status parse_name(const char *text, const char **name, bsm_error *error)
{
    if (!*text || strlen(text) > 32 || strchr(text, ':')) {
        return bad_value(error, "name", text, "1 to 32 letters without a colon");
    }
    *name = text;
    return BSM_OK;
}

static bsm_status add_pattern(const char *text, backend_options *backend, bsm_error *error)
{
    if (backend->num_patterns == BACKEND_MAX_PATTERNS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--connect-to: more than %d",
                        BACKEND_MAX_PATTERNS);
    }
    backend->patterns[backend->num_patterns++] = text;
    return BSM_OK;
}

/* ---- The line ---- */

static bsm_status parse_system(live_system system, live_options *o, bsm_error *error)
{
    if (o->system != LIVE_ANY_SYSTEM && o->system != system) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "JACK and PortAudio options exclude each other");
    }
    o->system = system;
    return BSM_OK;
}

static bsm_status parse_jack_option(int option, const char *value, live_options *o,
                                    bsm_error *error)
{
    switch (option) {
    case 'n': return parse_name(value, &o->backend.name, error);
    case 'c': o->backend.connect = true; return BSM_OK;
    case OPTION_CONNECT_TO: return add_pattern(value, &o->backend, error);
    default: return BSM_OK; /* --jack itself */
    }
}

static bsm_status parse_portaudio_option(int option, const char *value, live_options *o,
                                         bsm_error *error)
{
    backend_options *b = &o->backend;
    switch (option) {
    case 'l': o->action = LIVE_LIST_DEVICES; return BSM_OK;
    case OPTION_DEVICE: b->input_device = b->output_device = value; return BSM_OK;
    case OPTION_INPUT_DEVICE: b->input_device = value; return BSM_OK;
    case OPTION_OUTPUT_DEVICE: b->output_device = value; return BSM_OK;
    case OPTION_RATE:
        return parse_size("rate", value, BSM_STREAM_MIN_RATE, BSM_STREAM_MAX_RATE, &b->rate, error);
    case OPTION_BLOCK: return parse_size("block", value, 1, BSM_STREAM_MAX_BLOCK, &b->block, error);
    default: return BSM_OK; /* --portaudio itself */
    }
}

static bsm_status parse_common_option(int option, const char *value, live_options *o,
                                      bsm_error *error)
{
    float *gain = o->mix.gain_db;
    switch (option) {
    case 'm': o->model = value; return BSM_OK;
    case 'd': return parse_compute(value, &o->compute, error);
    case OPTION_PRECISION: return parse_precision(value, &o->precision, error);
    case 't': return parse_size("threads", value, 1, 1024, &o->threads, error);
    case OPTION_LATENCY: return parse_real("latency", value, 1, 30000, &o->latency_ms, error);
    case OPTION_LOOKAHEAD: return parse_real("lookahead", value, 0, 30000, &o->lookahead_ms, error);
    case OPTION_MEMORY: return parse_memory(value, o, error);
    case OPTION_VOCALS: return parse_gain("vocals", value, &gain[BSM_VOCALS], error);
    case OPTION_INSTRUMENTAL:
        return parse_gain("instrumental", value, &gain[BSM_INSTRUMENTAL], error);
    case OPTION_SOLO: return parse_solo(value, &o->mix.solo, error);
    case OPTION_STATS: o->stats = value; return BSM_OK;
    case 'q': o->quiet = true; return BSM_OK;
    case 'h': o->action = LIVE_HELP; return BSM_OK;
    default: o->action = LIVE_VERSION; return BSM_OK;
    }
}

static bsm_status parse_option(int option, const char *value, live_options *o, bsm_error *error)
{
    bsm_status status = BSM_OK;
    switch (option) {
    case 'j':
    case 'n':
    case 'c':
    case OPTION_CONNECT_TO:
        status = parse_system(LIVE_JACK, o, error);
        return status ? status : parse_jack_option(option, value, o, error);
    case 'p':
    case 'l':
    case OPTION_DEVICE:
    case OPTION_INPUT_DEVICE:
    case OPTION_OUTPUT_DEVICE:
    case OPTION_RATE:
    case OPTION_BLOCK:
        status = parse_system(LIVE_PORTAUDIO, o, error);
        return status ? status : parse_portaudio_option(option, value, o, error);
    default: return parse_common_option(option, value, o, error);
    }
}

/* getopt's own words would name the program by its path. */
static bsm_status fail_getopt(int option, char *const *argv, bsm_error *error)
{
    const char *last = argv[optind - 1];
    if (option == ':') {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: needs a value", last);
    }
    if (optopt && optopt < 256) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "-%c: no such option", optopt);
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: no such option", last);
}

bsm_status live_options_parse(int argc, char **argv, live_options *options, bsm_error *error)
{
    *options = (live_options){.backend.name = "bsm", .lookahead_ms = -1};
    optind = 0; /* from the start, also a second time */
    int option;
    while ((option = getopt_long(argc, argv, ":jpn:clm:d:t:qhV", long_options, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return fail_getopt(option, argv, error);
        }
        bsm_status status = parse_option(option, optarg, options, error);
        if (status || options->action == LIVE_HELP || options->action == LIVE_VERSION) {
            return status;
        }
    }
    if (optind < argc) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "'%s': not an option", argv[optind]);
    }
    return BSM_OK;
}

/* ---- The stream ---- */

static double to_frames(double seconds, const bsm_config *model)
{
    return seconds * (double)model->sample_rate / (double)model->hop;
}

bsm_stream_options live_options_stream(const live_options *o, const bsm_config *model, size_t rate)
{
    bsm_stream_options stream = {
        .sample_rate = rate,
        .latency = o->latency_ms / 1000,
        .device = o->compute,
        .precision = o->precision,
        .threads = o->threads,
        .memory = o->carry                ? BSM_MEMORY_CARRY
                  : o->memory_seconds > 0 ? BSM_MEMORY_BOUNDED
                                          : BSM_MEMORY_MODEL,
        .history = (size_t)ceil(to_frames(o->memory_seconds, model)),
    };
    if (o->lookahead_ms >= 0) {
        stream.lookahead = (size_t)lround(to_frames(o->lookahead_ms / 1000, model));
        stream.keep_lookahead = true;
    }
    return stream;
}
