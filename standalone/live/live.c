/* SPDX-License-Identifier: ISC */
/* bsm-live: takes the vocals out of music while it plays. */
#include <stdio.h>
#include <unistd.h>

#include "default_model.h"
#include "live.h"

/* ---- From the audio system ---- */

BSM_REALTIME static void on_process(void *user, const backend_buffers *buffers, size_t frames)
{
    const live *l = user;
    pipeline_process(l->pipeline, buffers, frames);
}

BSM_REALTIME static void on_xrun(void *user)
{
    live *l = user;
    events_xrun(&l->events);
}

static size_t on_latency(void *user)
{
    const live *l = user;
    return pipeline_latency(l->pipeline);
}

static void on_freewheel(void *user, bool on)
{
    const live *l = user;
    pipeline_set_freewheel(l->pipeline, on);
}

static void on_rate(void *user, size_t rate)
{
    live *l = user;
    events_rate(&l->events, rate);
}

static void on_block(void *user, size_t block)
{
    live *l = user;
    events_block(&l->events, block);
}

static void on_stopped(void *user, const char *why)
{
    live *l = user;
    events_stopped(&l->events, why);
}

static void on_notice(void *user, const char *text)
{
    live *l = user;
    events_notice(&l->events, text);
}

/* ---- What plays here ---- */

bsm_status live_choose(const live *l, bsm_model *model, size_t rate, bsm_fit *fit, bsm_error *error)
{
    const bsm_stream_options wish = live_options_stream(&l->options, bsm_model_config(model), rate);
    return bsm_fit_stream(model, &wish, wish.latency > 0 ? wish.latency : wish.max_latency, fit,
                          error);
}

void live_tell_fit(live *l, const bsm_fit *fit)
{
    l->fit = *fit;
    l->view.fit = l->fit.sentence;
    if (fit->fits) {
        panel_print(&l->panel, "%s", fit->sentence);
    } else {
        panel_complain(&l->panel, "%s", fit->sentence);
    }
}

/* ---- Opening ---- */

static const backend_driver *choose_driver(live_system system, bsm_error *error)
{
    const backend_driver *driver = NULL;
#ifdef HAVE_PORTAUDIO
    driver = system != LIVE_JACK ? &backend_portaudio : driver;
#endif
#ifdef HAVE_JACK
    driver = system != LIVE_PORTAUDIO ? &backend_jack : driver;
#endif
    if (!driver) {
        bsm_fail(error, BSM_UNSUPPORTED, "%s is not built in",
                 system == LIVE_JACK ? "JACK" : "PortAudio");
    }
    return driver;
}

static bsm_status open_backend(live *l, bsm_error *error)
{
    const backend_callbacks callbacks = {
        .user = l,
        .process = on_process,
        .xrun = on_xrun,
        .latency = on_latency,
        .freewheel = on_freewheel,
        .rate_changed = on_rate,
        .block_changed = on_block,
        .stopped = on_stopped,
        .notice = on_notice,
    };
    const backend_driver *driver = choose_driver(l->options.system, error);
    if (!driver) {
        return error->status;
    }
    bsm_status status = driver->open(&l->options.backend, &callbacks, &l->backend, error);
    if (status == BSM_NOT_FOUND && l->options.backend.reconnect) {
        panel_print(&l->panel, "%s: waiting for it", error->message);
    }
    while (status == BSM_NOT_FOUND && l->options.backend.reconnect && !l->stop) {
        live_wait_to_retry(l);
        status = l->stop ? BSM_CANCELLED
                         : driver->open(&l->options.backend, &callbacks, &l->backend, error);
    }
    if (!status) {
        l->view.system = driver->name;
        l->view.name = l->backend->name;
        l->view.block = l->backend->block;
    }
    return status;
}

/* The audio system is opened last. With the model loaded, the stream can be made as soon as the
 * sample rate is known, so that audio passes from the first call on. */
static bool open_all(live *l, bsm_model **model)
{
    bsm_error error;
    if (l->options.stats && stats_log_open(&l->stats, l->options.stats, &error)) {
        live_fail(l, WRITING_OUTPUT, &error);
        return false;
    }
    if (l->options.osc && remote_open(l->options.osc, &l->remote, &error)) {
        live_fail(l, DOING_ELSE, &error);
        return false;
    }
    if (default_model_open(l->options.model, model, &error)) {
        live_fail(l, READING_MODEL, &error);
        return false;
    }
    bsm_status status = open_backend(l, &error);
    if (status == BSM_CANCELLED) { /* ended by the user while there was no server */
        return false;
    }
    if (status) {
        live_fail(l, USING_AUDIO, &error);
        return false;
    }
    if (live_choose(l, *model, l->backend->rate, &l->fit, &error) ||
        pipeline_new(*model, &l->fit.options, &l->options.mix, &l->pipeline, &error)) {
        live_fail(l, READING_MODEL, &error);
        return false;
    }
    return true;
}

static void print_start(live *l)
{
    char block[64] = "";
    if (l->view.block) {
        snprintf(block, sizeof block, ", %zu samples per period", l->view.block);
    }
    panel_print(&l->panel, "%s: %s, %zu Hz%s", l->view.system, l->view.name, l->view.rate, block);
    panel_print(&l->panel, "model: %s; device: %s", l->view.model, l->view.device);
    panel_print(&l->panel, "latency: %zu samples (%.1f ms)", l->view.stream.latency,
                live_view_latency_ms(&l->view));
    live_tell_fit(l, &l->fit);
    live_warn_period(l);
}

/* End the process without closing the audio system if its device has gone, because the library
 * might wait for it for ever while its audio thread still runs. */
static void leave_if_lost(live *l)
{
    bsm_error error;
    if (l->backend->driver->check(l->backend, &error)) {
        panel_close(&l->panel);
        stats_log_close(&l->stats);
        fflush(NULL);
        if (l->options.backend.reconnect) {
            live_restart(l);
        }
        _exit((int)l->code);
    }
}

static void activate_and_run(live *l)
{
    bsm_error error;
    if (l->backend->driver->activate(l->backend, &error)) {
        live_fail(l, USING_AUDIO, &error);
    } else {
        live_run(l);
    }
    leave_if_lost(l);
}

static void play(live *l)
{
    bsm_model *model = NULL;
    if (open_all(l, &model)) {
        live_refresh(l);
        print_start(l);
        activate_and_run(l);
    }
    panel_close(&l->panel);
    live_unblock_signals(); /* from here on the user may end the program at once */
    if (l->backend) {
        l->backend->driver->close(l->backend);
    }
    pipeline_free(l->pipeline); /* this waits for the block that is being computed */
    bsm_model_free(model);
    remote_close(l->remote);
    stats_log_close(&l->stats);
}

static exit_code run(live *l)
{
    bsm_error error;
    if (live_block_signals(l, &error)) {
        live_fail(l, DOING_ELSE, &error);
        return l->code;
    }
    if (events_open(&l->events, &error)) {
        live_fail(l, DOING_ELSE, &error);
    } else {
        panel_open(&l->panel, l->options.quiet);
        play(l);
        events_close(&l->events);
    }
    close(l->signals);
    return l->code;
}

static exit_code list_audio_devices(void)
{
    bsm_error error;
#ifdef HAVE_PORTAUDIO
    if (!backend_portaudio_list(&error)) {
        return EXIT_CODE_OK;
    }
#else
    choose_driver(LIVE_PORTAUDIO, &error);
#endif
    fprintf(stderr, "bsm-live: %s\n", error.message);
    return exit_code_for(error.status, USING_AUDIO);
}

int main(int argc, char **argv)
{
    static live l;
    bsm_error error;
    exit_code code = EXIT_CODE_OK;
    if (live_options_parse(argc, argv, &l.options, &error)) {
        return (int)program_refuse(&live_program, &error);
    }
    l.arguments = argv;
    if (l.options.action != PROGRAM_RUN) {
        program_print(&live_program, l.options.action);
    } else if (l.options.list_devices) {
        program_list_devices();
        fprintf(stderr, "bsm-live: --list-audio-devices lists the sound cards\n");
    } else if (l.options.list_audio_devices) {
        code = list_audio_devices();
    } else {
        return (int)run(&l);
    }
    return (int)exit_code_after_output("bsm-live", code);
}
