/* SPDX-License-Identifier: ISC */
/* Parses the command line of bsm-live. */
#include "options.h"

#include <math.h>
#include <string.h>

/* ---- Values ---- */

static bsm_status set_gain(void *target, const program_option *option, const char *value,
                           bsm_error *error)
{
    double db = BSM_REMIX_MIN_DB;
    program_option number = *option;
    number.place = 0;
    bsm_status status = strcmp(value, "-inf") ? option_real(&db, &number, value, error) : BSM_OK;
    float *gain = option_place(target, option);
    *gain = (float)db;
    return status;
}

static bsm_status set_client(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    if (!*value || strlen(value) > 32 || strchr(value, ':')) {
        return option_refuse(option, value, "1 to 32 letters without a colon", error);
    }
    return option_text(target, option, value, error);
}

static bsm_status set_device(void *target, const program_option *option, const char *value,
                             bsm_error *error)
{
    return option_device(target, option, value, NULL)
               ? option_refuse(option, value,
                               "auto, cpu, reference or cuda; the sound card is --audio-device",
                               error)
               : BSM_OK;
}

static bsm_status add_pattern(void *target, const program_option *option, const char *value,
                              bsm_error *error)
{
    backend_options *backend = &((live_options *)target)->backend;
    if (backend->num_patterns == BACKEND_MAX_PATTERNS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s: more than %d", option->name,
                        BACKEND_MAX_PATTERNS);
    }
    backend->patterns[backend->num_patterns++] = value;
    return BSM_OK;
}

static bsm_status set_audio_device(void *target, const program_option *option, const char *value,
                                   bsm_error *error)
{
    backend_options *backend = &((live_options *)target)->backend;
    backend->output_device = value;
    return option_text(target, option, value, error);
}

/* ---- The table ---- */

static const char *const stems[] = {"vocals", "instrumental", NULL};

#define PLACE(field) .place = offsetof(live_options, field)

static const program_option table[] = {
    {"jack", 'j', NULL, NULL, option_flag, PLACE(jack)},
    {"client", 'n', "NAME", "use JACK (default); name of the client", set_client,
     PLACE(backend.name)},
    {"connect", 'c', NULL, NULL, option_flag, PLACE(backend.connect)},
    {"connect-to", 0, "PATTERN", "connect to physical or to matching ports", .set = add_pattern},
    {"reconnect", 0, NULL, "wait for the JACK server at start and after a stop", option_flag,
     PLACE(backend.reconnect)},
    {"portaudio", 'p', NULL, NULL, option_flag, PLACE(portaudio)},
    {"list-audio-devices", 'l', NULL, "use PortAudio; list its devices", option_flag,
     PLACE(list_audio_devices)},
    {"audio-device", 0, "NAME", "name or index of the sound card", set_audio_device,
     PLACE(backend.input_device)},
    {"audio-input", 0, "NAME", NULL, option_text, PLACE(backend.input_device)},
    {"audio-output", 0, "NAME", "sound card for one direction", option_text,
     PLACE(backend.output_device)},
    {"rate", 0, "HZ", NULL, option_size, PLACE(backend.rate), BSM_STREAM_MIN_RATE,
     BSM_STREAM_MAX_RATE, "Hz"},
    {"block", 0, "N", "sample rate and block of the audio device", option_size,
     PLACE(backend.block), 1, BSM_STREAM_MAX_BLOCK},
    {"model", 'm', "MODEL", "file or name (default: $BSM_MODEL or the installed)", option_text,
     PLACE(model)},
    {"latency", 0, "MS", "from input to output, % (default 800)", option_real, PLACE(latency_ms), 1,
     30000, "ms"},
    {"lookahead", 0, "MS", "part of the latency that the network looks ahead", option_real,
     PLACE(lookahead_ms), 0, 30000, "ms"},
    {"memory", 0, "KIND", NULL, option_memory, PLACE(memory),
     .detail = "model, carry, rolling or bounded; seconds are --history"},
    {"history", 0, "SECONDS", NULL, option_real, PLACE(history), 0.01, 60, "seconds"},
    {"warmup", 0, "SECONDS", "how far it remembers", option_real, PLACE(warmup), 0.01, 60,
     "seconds"},
    {"list-devices", 0, NULL, NULL, option_flag, PLACE(list_devices)},
    {"device", 'd', "DEVICE", "auto (default), cpu, reference, cuda", set_device, PLACE(device)},
    {"precision", 0, "NAME", "auto (default), float32, tf32, bfloat16 or int8",
     option_live_precision, PLACE(precision)},
    {"threads", 't', "N", "processor threads, % (default: one per core)", option_size,
     PLACE(threads), 1, 1024},
    {"vocals", 0, "DB", NULL, set_gain, PLACE(mix.gain_db[BSM_VOCALS]), BSM_REMIX_MIN_DB,
     BSM_REMIX_MAX_DB, "dB"},
    {"instrumental", 0, "DB", "gains in the remix, %", set_gain,
     PLACE(mix.gain_db[BSM_INSTRUMENTAL]), BSM_REMIX_MIN_DB, BSM_REMIX_MAX_DB, "dB"},
    {"solo", 0, "STEM", "play only % in the remix", option_choice, PLACE(mix.solo), BSM_SOLO_VOCALS,
     .choices = stems},
    {"osc", 0, "PORT", "accept gains by OSC: /bsm/vocals DB and others", option_size, PLACE(osc), 1,
     65535},
    {"stats", 0, "FILE", "append statistics to FILE every second, as JSON", option_text,
     PLACE(stats)},
    {"quiet", 'q', NULL, "print errors only", option_flag, PLACE(quiet)},
    OPTIONS_OF_ALL,
    {"compute", 0, "DEVICE", "--device", .set = NULL},
    {"name", 0, "NAME", "--client", .set = NULL},
    {"input-device", 0, "NAME", "--audio-input", .set = NULL},
    {"output-device", 0, "NAME", "--audio-output", .set = NULL},
};

const program_table live_program = {
    "bsm-live",
    "usage: bsm-live [--jack | --portaudio] [options]\n"
    "Take the vocals out of music while it plays.\n",
    table,
    sizeof table / sizeof *table,
    "Keys on a terminal: v V i I gains, s solo, b bypass, m model, r reload, q quit.\n"
    "SIGHUP reloads the model. Exit status: 0 ended by the user, others: bsm-live(1).\n",
};

/* Choose the audio system whose options were given; some options belong to JACK only, and some to
 * PortAudio only. */
static bsm_status choose_system(live_options *o, bsm_error *error)
{
    const backend_options *b = &o->backend;
    const bool jack = o->jack || b->reconnect || b->name || b->connect || b->num_patterns;
    const bool portaudio = o->portaudio || o->list_audio_devices || b->input_device ||
                           b->output_device || b->rate || b->block;
    if (jack && portaudio) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "JACK and PortAudio options exclude each other");
    }
    o->system = jack ? LIVE_JACK : portaudio ? LIVE_PORTAUDIO : LIVE_ANY_SYSTEM;
    return BSM_OK;
}

bsm_status live_options_parse(int argc, char **argv, live_options *o, bsm_error *error)
{
    *o = (live_options){.lookahead_ms = -1, .precision = BSM_PRECISION_LIVE};
    int operands;
    bsm_status status = program_parse(&live_program, argc, argv, o, &o->action, &operands, error);
    if (status || o->action != PROGRAM_RUN) {
        return status;
    }
    if (operands < argc) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "'%s': not an option", argv[operands]);
    }
    if (o->history > 0 && o->memory != BSM_MEMORY_BOUNDED) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--history goes with --memory bounded");
    }
    status = choose_system(o, error);
    if (!o->backend.name) {
        o->backend.name = "bsm";
    }
    return status;
}

/* ---- The stream ---- */

/* The largest latency in seconds, unless the user asks for more. */
static const double MOST_LATENCY = 2;

static double to_frames(double seconds, const bsm_config *model)
{
    return seconds * (double)model->sample_rate / (double)model->hop;
}

bsm_stream_options live_options_stream(const live_options *o, const bsm_config *model, size_t rate)
{
    bsm_stream_options stream = {
        .sample_rate = rate,
        .latency = o->latency_ms / 1000,
        .device = o->device,
        .max_latency = MOST_LATENCY,
        .precision = o->precision,
        .threads = o->threads,
        .memory = o->memory,
        .warmup = o->warmup,
        .history = (size_t)ceil(to_frames(o->history, model)),
    };
    if (o->lookahead_ms >= 0) {
        stream.lookahead = (size_t)lround(to_frames(o->lookahead_ms / 1000, model));
        stream.keep_lookahead = true;
    }
    return stream;
}
