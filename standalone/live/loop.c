/* SPDX-License-Identifier: ISC */
/* The main loop of bsm-live: handles keys, signals and news, and updates panel and statistics. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "default_model.h"
#include "live.h"

static const double PANEL_TICK = 0.1, PLAIN_TICK = 0.25; /* seconds */
static const double STATS_EVERY = 1.0, TELL_EVERY = 10.0;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void live_fail(live *l, exit_activity activity, const bsm_error *error)
{
    panel_complain(&l->panel, "%s", error->message);
    l->code = exit_code_for(error->status, activity);
    l->stop = true;
}

/* The input of a period comes at once. If it is longer than a block of the network, the first
 * block's result is needed before there was time to compute it. */
void live_warn_period(live *l)
{
    const bsm_config *model = bsm_model_config(pipeline_model(l->pipeline));
    size_t block = l->view.stream.commit * model->hop * l->view.rate / model->sample_rate;
    if (l->view.block >= block) {
        panel_complain(&l->panel,
                       "periods of %zu samples are too long for blocks of %zu: choose a greater "
                       "--latency",
                       l->view.block, block);
    }
}

static void refresh_stream(live *l)
{
    pipeline_get_stats(l->pipeline, &l->view.stream);
    pipeline_failure(l->pipeline, l->view.failure, sizeof l->view.failure);
}

void live_refresh(live *l)
{
    pipeline_device_name(l->pipeline, l->device, sizeof l->device);
    l->view.device = l->device;
    l->view.model = bsm_model_path(pipeline_model(l->pipeline));
    l->view.rate = pipeline_rate(l->pipeline);
    l->view.mix = l->options.mix;
    refresh_stream(l);
}

/* ---- Changes while it plays ---- */

/* The latency changes when the audio thread begins to apply the new options. */
static void follow_latency(live *l)
{
    if (pipeline_follow_latency(l->pipeline)) {
        const size_t latency = pipeline_latency(l->pipeline);
        l->backend->driver->latency_changed(l->backend);
        panel_print(&l->panel, "the latency is %zu samples now (%.1f ms)", latency,
                    1000.0 * (double)latency / (double)pipeline_rate(l->pipeline));
        live_warn_period(l);
    }
}

/* Load a model and play it; a NULL `path` stands for the default model. Return true if it plays. */
static bool play_model(live *l, const char *path, const char *what)
{
    bsm_model *model = NULL;
    bsm_error error;
    bsm_fit fit;
    bsm_status status = default_model_open(path, &model, &error);
    if (!status) {
        status = live_choose(l, model, pipeline_rate(l->pipeline), &fit, &error);
    }
    if (!status) {
        status = pipeline_set(l->pipeline, model, &fit.options, &error);
    }
    if (status) {
        panel_complain(&l->panel, "%s; the model stays as it was", error.message);
    } else {
        live_refresh(l);
        panel_print(&l->panel, "%s: %s", what, l->view.model);
        live_tell_fit(l, &fit);
    }
    bsm_model_free(model);
    return !status;
}

static void reload_model(live *l)
{
    play_model(l, l->options.model, "model loaded again");
}

static void change_rate(live *l, size_t rate)
{
    bsm_error error;
    if (rate == pipeline_rate(l->pipeline)) {
        return;
    }
    if (pipeline_set_rate(l->pipeline, rate, &error)) {
        live_fail(l, DOING_ELSE, &error);
        return;
    }
    l->misses_told = 0; /* the new stream counts from zero */
    l->backend->driver->latency_changed(l->backend);
    live_refresh(l);
    panel_print(&l->panel, "the sample rate is %zu Hz now; latency %zu samples", rate,
                l->view.stream.latency);
}

static void take_news(live *l)
{
    char text[EVENT_TEXT_SIZE];
    events_acknowledge(&l->events);
    size_t rate = atomic_exchange(&l->events.rate, 0);
    size_t block = atomic_exchange(&l->events.block, 0);
    if (rate) {
        change_rate(l, rate);
    }
    if (block && block != l->view.block) {
        l->view.block = block;
        panel_print(&l->panel, "%zu samples per period now", block);
        live_warn_period(l);
    }
    if (event_text_take(&l->events.notice, text)) {
        panel_print(&l->panel, "%s: %s", l->view.system, text);
    }
    if (event_text_take(&l->events.stopped, text)) {
        bsm_error error;
        bsm_fail(&error, BSM_IO, "%s", text);
        live_fail(l, USING_AUDIO, &error);
    }
}

/* ---- Keys ---- */

/* Play another model, which later reloads will load again. */
static void change_model(live *l, const char *path)
{
    if (play_model(l, path, "model")) {
        snprintf(l->model, sizeof l->model, "%s", path);
        l->options.model = l->model;
    }
}

static void change_gain(bsm_remix_settings *mix, bsm_part stem, float step)
{
    mix->gain_db[stem] =
        fminf(BSM_REMIX_MAX_DB, fmaxf(BSM_REMIX_MIN_DB, mix->gain_db[stem] + step));
}

static void take_key(live *l, char key)
{
    bsm_remix_settings *mix = &l->options.mix;
    switch (key) {
    case 'v': change_gain(mix, BSM_VOCALS, -1); break;
    case 'V': change_gain(mix, BSM_VOCALS, 1); break;
    case 'i': change_gain(mix, BSM_INSTRUMENTAL, -1); break;
    case 'I': change_gain(mix, BSM_INSTRUMENTAL, 1); break;
    case 's': mix->solo = (bsm_solo)((mix->solo + 1) % (BSM_NUM_PARTS + 1)); break;
    case 'b': mix->bypass = !mix->bypass; break;
    case 'm': panel_ask(&l->panel); return;
    case 'r': reload_model(l); break;
    case 'q': l->stop = true; break;
    default: return;
    }
    pipeline_set_mix(l->pipeline, mix);
}

/* ---- Signals ---- */

/* Ignored signals stay ignored, as nohup and shells request. */
static void fill_signals(sigset_t *set)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
            sigaddset(set, numbers[i]);
        }
    }
}

bsm_status live_block_signals(live *l, bsm_error *error)
{
    sigset_t set;
    fill_signals(&set);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return l->signals >= 0 ? BSM_OK : bsm_fail_errno(error, errno, "signalfd", "cannot open");
}

void live_unblock_signals(void)
{
    sigset_t set;
    fill_signals(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* On Ctrl-Z, give the terminal back to the shell as it was. */
static void suspend(live *l)
{
    const bool quiet = l->panel.quiet;
    panel_close(&l->panel);
    kill(getpid(), SIGSTOP);
    panel_open(&l->panel, quiet);
}

static void take_signal(live *l)
{
    struct signalfd_siginfo info;
    if (read(l->signals, &info, sizeof info) != sizeof info) {
        return;
    }
    switch (info.ssi_signo) {
    case SIGHUP: reload_model(l); break;
    case SIGTSTP: suspend(l); break;
    default: l->stop = true; break;
    }
}

/* ---- Time ---- */

static void take_peaks(live *l)
{
    pipeline_take_peaks(l->pipeline, l->view.peak);
    for (size_t s = 0; s < BSM_NUM_PARTS; s++) {
        l->stats_peak[s] = fmaxf(l->stats_peak[s], l->view.peak[s]);
    }
}

static void write_stats(live *l)
{
    bsm_error error;
    live_view view = l->view;
    for (size_t s = 0; s < BSM_NUM_PARTS; s++) {
        view.peak[s] = l->stats_peak[s];
        l->stats_peak[s] = 0;
    }
    if (stats_log_write(&l->stats, &view, &error)) {
        panel_complain(&l->panel, "%s", error.message);
    }
}

/* The panel shows trouble at once; plain lines report it once in a while. */
static void tell_trouble(live *l, double time)
{
    const bsm_stream_stats *s = &l->view.stream;
    if (*l->view.failure && !l->failure_told) {
        panel_complain(&l->panel, "the network has stopped: %s; the music goes on unseparated",
                       l->view.failure);
    }
    l->failure_told = *l->view.failure;
    if (l->panel.terminal || time - l->told_at < TELL_EVERY) {
        return;
    }
    if (s->misses > l->misses_told) {
        panel_print(&l->panel, "late: %llu blocks were not separated in time, load %.0f %%",
                    (unsigned long long)(s->misses - l->misses_told), 100 * s->load);
        l->misses_told = s->misses;
        l->told_at = time;
    }
    if (l->view.xruns > l->xruns_told) {
        panel_print(&l->panel, "%s: %llu xruns", l->view.system,
                    (unsigned long long)(l->view.xruns - l->xruns_told));
        l->xruns_told = l->view.xruns;
        l->told_at = time;
    }
}

static void tick(live *l)
{
    bsm_error error;
    const double time = now();
    if (l->backend->driver->check(l->backend, &error)) {
        live_fail(l, USING_AUDIO, &error);
        return;
    }
    pipeline_tidy(l->pipeline);
    take_peaks(l);
    l->view.mix = l->options.mix;
    l->view.xruns = atomic_load(&l->events.xruns);
    refresh_stream(l);
    follow_latency(l);
    if (time >= l->stats_at) {
        write_stats(l);
        l->stats_at = fmax(l->stats_at + STATS_EVERY, time);
    }
    tell_trouble(l, time);
    panel_draw(&l->panel, &l->view);
}

/* ---- The loop ---- */

/* Wait for an event, `seconds` at most. */
static void wait_and_answer(live *l, double seconds)
{
    struct pollfd fds[] = {
        {.fd = l->signals, .events = POLLIN},
        {.fd = l->events.fd, .events = POLLIN},
        {.fd = l->panel.terminal ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = remote_fd(l->remote), .events = POLLIN},
    };
    if (poll(fds, sizeof fds / sizeof *fds, seconds > 0 ? (int)ceil(1000 * seconds) : 0) <= 0) {
        return;
    }
    if (fds[2].revents & (POLLHUP | POLLERR)) {
        l->stop = true; /* the terminal was closed, so SIGHUP is no request to reload */
        return;
    }
    if (fds[0].revents) {
        take_signal(l);
    }
    if (fds[1].revents) {
        take_news(l);
    }
    if (fds[3].revents && remote_take(l->remote, &l->options.mix)) {
        pipeline_set_mix(l->pipeline, &l->options.mix);
    }
    for (char key; fds[2].revents && !l->stop && (key = panel_key(&l->panel));) {
        if (!l->panel.asking) {
            take_key(l, key);
        } else if (panel_type(&l->panel, key)) {
            change_model(l, l->panel.answer);
        }
    }
}

void live_run(live *l)
{
    double next = now();
    l->told_at = next - TELL_EVERY;
    l->stats_at = next + STATS_EVERY;
    while (!l->stop) {
        wait_and_answer(l, next - now());
        if (!l->stop && now() >= next) {
            tick(l);
            next = now() + (l->panel.terminal ? PANEL_TICK : PLAIN_TICK);
        }
    }
    refresh_stream(l);
    take_peaks(l);
    write_stats(l);
}
