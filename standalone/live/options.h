/* SPDX-License-Identifier: ISC */
/** Parses the command line of bsm-live. */
#ifndef BSM_LIVE_OPTIONS_H
#define BSM_LIVE_OPTIONS_H

#include "backend.h"
#include "bsm/remix.h"
#include "bsm/stream.h"
#include "program_options.h"

typedef enum live_system {
    LIVE_ANY_SYSTEM, /**< JACK if it is built in, otherwise PortAudio */
    LIVE_JACK,
    LIVE_PORTAUDIO,
} live_system;

typedef struct live_options {
    program_action action;
    bool jack, portaudio, list_audio_devices, list_devices;
    live_system system; /**< the system that the options ask for */
    backend_options backend;
    const char *model;   /**< NULL: the default model */
    double latency_ms;   /**< 0: the default */
    double lookahead_ms; /**< negative: derived from the latency */
    bsm_memory memory;
    double history; /**< seconds before a block in bounded memory; 0: the model's segment */
    double warmup;  /**< seconds of warm-up in rolling memory; 0: chosen by bsm */
    bsm_device_kind device;
    bsm_precision precision;
    size_t threads;
    bsm_remix_settings mix;
    size_t osc; /**< the UDP port on which OSC is received; 0: none */
    bool quiet;
    const char *stats; /**< the file of statistics; NULL: none */
} live_options;

/** Parse the command line. BSM_INVALID_ARGUMENT names the option or the value. */
BSM_NODISCARD bsm_status live_options_parse(int argc, char **argv, live_options *options,
                                            bsm_error *error);

/** Return the options of a stream for a model at a sample rate. */
bsm_stream_options live_options_stream(const live_options *options, const bsm_config *model,
                                       size_t rate);

extern const program_table live_program;

#endif
