/* SPDX-License-Identifier: ISC */
/* Runs bsm-live as a client of JACK, or of PipeWire, which has the same interface. */
#include <jack/jack.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "jack_ports.h"

typedef struct jack_backend {
    audio_backend base;
    backend_options options;
    backend_callbacks callbacks;
    jack_client_t *client;
    jack_port_t *ports[NUM_PORTS];
    char why[BACKEND_MAX_NAME]; /**< the reason, written before shut_down is set */
    _Atomic bool shut_down;     /**< the server has stopped or has removed the client */
    bool described;
} jack_backend;

/* The message callbacks of the library have no user pointer. */
static _Atomic(const backend_callbacks *) listener;

/* ---- Messages ---- */

/* jack_client_open's own messages are suppressed, because its failure is reported in one line. */
static void on_error_message(const char *text)
{
    const backend_callbacks *callbacks = atomic_load(&listener);
    if (callbacks) {
        callbacks->notice(callbacks->user, text);
    }
}

static void on_info_message(const char *text)
{
    (void)text;
}

static const char *server_name(void)
{
    const char *name = getenv("JACK_DEFAULT_SERVER");
    return name && *name ? name : "default";
}

static bsm_status fail_open(jack_status_t status, bool reconnect, bsm_error *error)
{
    if (status & (JackServerFailed | JackServerError)) {
        return bsm_fail(
            error, BSM_NOT_FOUND, "JACK: no server named '%s' is running%s", server_name(),
            reconnect || getenv("JACK_NO_START_SERVER") ? "" : ", and none could be started");
    }
    if (status & JackVersionError) {
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "JACK: the server '%s' and the library are of different versions",
                        server_name());
    }
    return bsm_fail(error, BSM_IO, "JACK: the server '%s' does not take us (status 0x%x)",
                    server_name(), (unsigned)status);
}

/* ---- Callbacks ---- */

static float *buffer(const jack_backend *j, jack_port_index port, jack_nframes_t frames)
{
    return jack_port_get_buffer(j->ports[port], frames);
}

static int on_process(jack_nframes_t frames, void *user)
{
    const jack_backend *j = user;
    const backend_buffers buffers = {
        .in = {buffer(j, PORT_IN_LEFT, frames), buffer(j, PORT_IN_RIGHT, frames)},
        .vocals = {buffer(j, PORT_VOCALS_LEFT, frames), buffer(j, PORT_VOCALS_RIGHT, frames)},
        .instrumental = {buffer(j, PORT_INSTRUMENTAL_LEFT, frames),
                         buffer(j, PORT_INSTRUMENTAL_RIGHT, frames)},
        .out = {buffer(j, PORT_OUT_LEFT, frames), buffer(j, PORT_OUT_RIGHT, frames)},
    };
    j->callbacks.process(j->callbacks.user, &buffers, frames);
    return 0;
}

/* Compute the latency range of the ports that are connected on one side. Every output depends on
 * every input, because the network mixes left and right. */
static jack_latency_range_t latency_around(const jack_backend *j, size_t first, size_t end,
                                           jack_latency_callback_mode_t mode)
{
    jack_latency_range_t all = {0};
    bool any = false;
    for (size_t p = first; p < end; p++) {
        if (jack_port_connected(j->ports[p])) {
            jack_latency_range_t one;
            jack_port_get_latency_range(j->ports[p], mode, &one);
            all.min = any && all.min < one.min ? all.min : one.min;
            all.max = any && all.max > one.max ? all.max : one.max;
            any = true;
        }
    }
    return all;
}

/* The capture latency tells how long ago the audio of the outputs came in; the playback latency
 * tells when the audio of the inputs will be heard. */
static void on_latency(jack_latency_callback_mode_t mode, void *user)
{
    jack_backend *j = user;
    const bool capture = mode == JackCaptureLatency;
    const jack_nframes_t own = (jack_nframes_t)j->callbacks.latency(j->callbacks.user);
    jack_latency_range_t range = capture ? latency_around(j, 0, NUM_INPUTS, mode)
                                         : latency_around(j, NUM_INPUTS, NUM_PORTS, mode);
    range.min += own;
    range.max += own;
    const size_t first = capture ? NUM_INPUTS : 0;
    const size_t end = capture ? NUM_PORTS : NUM_INPUTS;
    for (size_t p = first; p < end; p++) {
        jack_port_set_latency_range(j->ports[p], mode, &range);
    }
}

static int on_xrun(void *user)
{
    const jack_backend *j = user;
    j->callbacks.xrun(j->callbacks.user);
    return 0;
}

static int on_rate(jack_nframes_t rate, void *user)
{
    const jack_backend *j = user;
    j->callbacks.rate_changed(j->callbacks.user, rate);
    return 0;
}

static int on_block(jack_nframes_t block, void *user)
{
    const jack_backend *j = user;
    j->callbacks.block_changed(j->callbacks.user, block);
    return 0;
}

static void on_freewheel(int starting, void *user)
{
    const jack_backend *j = user;
    j->callbacks.freewheel(j->callbacks.user, starting != 0);
}

static void on_shutdown(jack_status_t code, const char *reason, void *user)
{
    (void)code;
    jack_backend *j = user;
    snprintf(j->why, sizeof j->why, "JACK: the server '%s' has shut us down: %s", server_name(),
             reason && *reason ? reason : "no reason given");
    atomic_store(&j->shut_down, true);
    j->callbacks.stopped(j->callbacks.user, j->why);
}

static void set_callbacks(jack_backend *j)
{
    jack_set_process_callback(j->client, on_process, j);
    jack_set_latency_callback(j->client, on_latency, j);
    jack_set_xrun_callback(j->client, on_xrun, j);
    jack_set_sample_rate_callback(j->client, on_rate, j);
    jack_set_buffer_size_callback(j->client, on_block, j);
    jack_set_freewheel_callback(j->client, on_freewheel, j);
    jack_on_info_shutdown(j->client, on_shutdown, j);
}

/* ---- The driver ---- */

static void close_jack(audio_backend *backend)
{
    jack_backend *j = (jack_backend *)backend;
    atomic_store(&listener, NULL); /* news are not needed any more */
    if (j->client) {
        if (j->described && !atomic_load(&j->shut_down)) {
            jack_ports_undescribe(j->client, j->ports);
        }
        jack_client_close(j->client);
    }
    free(j);
}

static bsm_status connect_client(jack_backend *j, bsm_error *error)
{
    jack_status_t status = 0;
    jack_set_error_function(on_error_message);
    jack_set_info_function(on_info_message);
    j->client = jack_client_open(
        j->options.name, j->options.reconnect ? JackNoStartServer : JackNullOption, &status);
    if (!j->client) {
        return fail_open(status, j->options.reconnect, error);
    }
    j->base.rate = jack_get_sample_rate(j->client);
    j->base.block = jack_get_buffer_size(j->client);
    snprintf(j->base.name, sizeof j->base.name, "%s", jack_get_client_name(j->client));
    set_callbacks(j);
    return jack_ports_register(j->client, j->ports, error);
}

static bsm_status open_jack(const backend_options *options, const backend_callbacks *callbacks,
                            audio_backend **backend, bsm_error *error)
{
    jack_backend *j = calloc(1, sizeof *j);
    if (!j) {
        return bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    j->base.driver = &backend_jack;
    j->options = *options;
    j->callbacks = *callbacks;
    bsm_status status = connect_client(j, error);
    if (status) {
        close_jack(&j->base);
        return status;
    }
    *backend = &j->base;
    return BSM_OK;
}

static bsm_status activate_jack(audio_backend *backend, bsm_error *error)
{
    jack_backend *j = (jack_backend *)backend;
    atomic_store(&listener, &j->callbacks);
    if (jack_activate(j->client)) {
        return bsm_fail(error, BSM_IO, "JACK: the server '%s' does not activate us", server_name());
    }
    jack_ports_describe(j->client, j->ports);
    j->described = true;
    jack_ports_connect(j->client, j->ports, &j->options, &j->callbacks);
    return BSM_OK;
}

static void latency_changed_jack(audio_backend *backend)
{
    const jack_backend *j = (const jack_backend *)backend;
    if (!atomic_load(&j->shut_down)) {
        jack_recompute_total_latencies(j->client);
    }
}

/* A client must not be closed after its server has gone: jack_client_close may cancel a thread of
 * the library that holds a lock, and then wait for that lock (jackaudio/jack2, issue 395). */
static bsm_status check_jack(audio_backend *backend, bsm_error *error)
{
    const jack_backend *j = (const jack_backend *)backend;
    return atomic_load(&j->shut_down) ? bsm_fail(error, BSM_IO, "%s", j->why) : BSM_OK;
}

const backend_driver backend_jack = {
    .name = "JACK",
    .open = open_jack,
    .activate = activate_jack,
    .latency_changed = latency_changed_jack,
    .check = check_jack,
    .close = close_jack,
};
