/* SPDX-License-Identifier: ISC */
/* How a model plays live here: measured, then chosen. What a block costs is taken to grow with its
 * frames. */
#include "bsm/fit.h"

#include <stdio.h>
#include <stdlib.h>

#include "device/device.h"
#include "stream/epoch.h"
#include "stream/plan.h"

static const double MOST_LOAD = 0.7;
static const double LITTLE_LOAD = 0.25;   /* one thread does it */
static const double MEASURED_AUDIO = 0.4; /* seconds of a block at most */
static const double MEASURED_TIME = 0.1;  /* for each measurement */
static const double LONGEST_LATENCY = 30; /* that a stream can have */
static const double LATENCY_STEP = 1.25;  /* from one try to the next */

/* ---- Measuring ---- */

/* A block in work. */
typedef struct progress {
    double begun, last; /* when the last module ended */
    double longest;     /* module */
    size_t paths;       /* that are done */
} progress;

/* On as long as the next module will probably end in time. */
static bool module_done(void *user, bsm_module module, size_t layer)
{
    (void)layer;
    progress *p = user;
    const double now = bsm_stream_clock();
    p->longest = now - p->last > p->longest ? now - p->last : p->longest;
    p->last = now;
    p->paths += module == BSM_MODULE_TIME_PATH || module == BSM_MODULE_BAND_PATH;
    return p->paths == 0 || now + p->longest < p->begun + MEASURED_TIME;
}

/* The seconds that a block takes: of what was done of it, all paths being alike, and the modules
 * before and behind them together taking as long as one. */
static bsm_status time_block(bsm_network *network, const bsm_block *block, double *seconds,
                             bsm_error *error)
{
    const size_t paths = 2 * bsm_model_config(bsm_network_model(network))->depth;
    progress p = {.begun = bsm_stream_clock()};
    p.last = p.begun;
    bsm_network_observe(network, module_done, &p);
    const bsm_status status = bsm_network_run(network, block, error);
    *seconds = bsm_stream_clock() - p.begun;
    if (status == BSM_CANCELLED) {
        *seconds *= (double)(paths + 1) / (double)p.paths;
        return BSM_OK;
    }
    return status;
}

/* The shortest of as many times as there is time for: others use the processor, too. */
static bsm_status time_network(bsm_network *network, size_t frames, double *seconds,
                               bsm_error *error)
{
    const bsm_config *config = bsm_model_config(bsm_network_model(network));
    const size_t samples = (frames - 1) * config->hop + config->n_fft;
    float *memory = calloc(2 * samples, sizeof *memory);
    if (!memory) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory to measure a block");
    }
    const float *audio[BSM_MAX_CHANNELS];
    float *sums[BSM_MAX_CHANNELS], *const *stems[BSM_MAX_STEMS] = {sums};
    for (size_t c = 0; c < config->channels; c++) {
        audio[c] = memory;
        sums[c] = memory + samples;
    }
    const bsm_block block = {.frames = frames, .wanted = frames, .audio = audio, .stems = stems};
    const double end = bsm_stream_clock() + MEASURED_TIME;
    bsm_status status = time_block(network, &block, seconds, error);
    while (!status && bsm_stream_clock() + *seconds < end) {
        double again;
        status = time_block(network, &block, &again, error);
        *seconds = again < *seconds ? again : *seconds;
    }
    free(memory);
    return status;
}

/* Seconds that a frame takes in a stream with these options. */
static bsm_status measure(bsm_model *model, const bsm_stream_options *options,
                          const bsm_stream_plan *plan, double *seconds, bsm_error *error)
{
    const size_t frames = plan->history + plan->commit + plan->lookahead;
    const size_t most = 1 + (size_t)(MEASURED_AUDIO * (double)plan->model_rate) / plan->hop;
    const bsm_network_options sized = {.device = options->device,
                                       .precision = options->precision,
                                       .threads = options->threads,
                                       .max_frames = frames < most ? frames : most};
    bsm_network *network = NULL;
    bsm_status status = bsm_network_new(model, &sized, &network, error);
    if (!status) {
        status = time_network(network, sized.max_frames, seconds, error);
        *seconds /= (double)sized.max_frames;
    }
    bsm_network_free(network);
    return status;
}

static double load_of(const bsm_stream_plan *plan, double seconds)
{
    const double frames = (double)(plan->history + plan->commit + plan->lookahead);
    return seconds * frames * (double)plan->model_rate / (double)(plan->commit * plan->hop);
}

/* ---- Choosing ---- */

/* What is tried: options and what follows from them. */
typedef struct trial {
    bsm_model *model;
    bsm_stream_options options;
    bsm_stream_plan plan;
    double seconds; /* that a frame takes */
} trial;

static bsm_status try_options(trial *t, const bsm_stream_options *options, bsm_error *error)
{
    t->options = *options;
    return bsm_stream_plan_make(t->model, NULL, options, &t->plan, error);
}

static double trial_load(const trial *t)
{
    return load_of(&t->plan, t->seconds);
}

static bool blocks_are_given(const bsm_stream_options *wish)
{
    return wish->commit > 0;
}

/* At this latency, with as much look-ahead as the load allows; the least if none does. */
static bsm_status try_latency(trial *t, const bsm_stream_options *wish, double latency,
                              bsm_error *error)
{
    bsm_stream_options options = t->options;
    options.latency = latency;
    options.keep_lookahead = wish->keep_lookahead;
    options.lookahead = wish->lookahead;
    bsm_status status = try_options(t, &options, error);
    if (blocks_are_given(wish) || wish->keep_lookahead) {
        return status;
    }
    options.keep_lookahead = true;
    for (size_t lookahead = t->plan.lookahead;
         !status && trial_load(t) > MOST_LOAD && lookahead > 0;) {
        lookahead /= 2;
        options.lookahead = lookahead;
        status = try_options(t, &options, error);
    }
    return status;
}

/* The least latency from `from` to `to` with which it fits, or `to`. */
static bsm_status search_latency(trial *t, const bsm_stream_options *wish, double from, double to,
                                 bsm_error *error)
{
    bsm_status status = try_latency(t, wish, from, error);
    for (double latency = from; !status && trial_load(t) > MOST_LOAD && latency < to;) {
        latency = latency * LATENCY_STEP < to ? latency * LATENCY_STEP : to;
        status = try_latency(t, wish, latency, error);
    }
    return status;
}

/* Threads and precision, as the block at the wished latency needs them. */
static bsm_status choose_products(trial *t, const bsm_stream_options *wish, bsm_error *error)
{
    bsm_stream_options options = *wish;
    options.threads = wish->threads ? wish->threads : 1;
    bsm_status status = try_options(t, &options, error);
    if (!status) {
        status = measure(t->model, &options, &t->plan, &t->seconds, error);
    }
    if (status || trial_load(t) < LITTLE_LOAD) {
        return status;
    }
    options.threads = wish->threads;
    if (!wish->threads) {
        status = measure(t->model, &options, &t->plan, &t->seconds, error);
    }
    const bool faster = bsm_device_for(&bsm_cpu_device, BSM_PRECISION_BFLOAT16) != &bsm_cpu_device;
    if (!status && trial_load(t) > MOST_LOAD && faster &&
        wish->precision == BSM_PRECISION_FLOAT32) {
        options.precision = BSM_PRECISION_BFLOAT16;
        status = measure(t->model, &options, &t->plan, &t->seconds, error);
    }
    return status ? status : try_options(t, &options, error);
}

/* ---- Saying ---- */

static double seconds_of(const bsm_stream_plan *plan, size_t frames)
{
    return (double)(frames * plan->hop) / (double)plan->model_rate;
}

static void say_fit(const trial *t, bsm_fit *fit)
{
    char memory[64] = "memory carried";
    if (t->plan.history) {
        snprintf(memory, sizeof memory, "%.1f s of memory", seconds_of(&t->plan, t->plan.history));
    }
    snprintf(fit->sentence, sizeof fit->sentence,
             "fits this machine: load %.0f %% at %.2f s of latency, with blocks of %.2f s, %.2f s "
             "of look-ahead, %s, in %s",
             100 * fit->load, fit->latency, seconds_of(&t->plan, t->plan.commit),
             seconds_of(&t->plan, t->plan.lookahead), memory,
             bsm_precision_name(t->options.precision));
}

static void say_too_slow(bsm_fit *fit)
{
    char latency[64] = "a GPU or a smaller model";
    if (fit->enough > 0) {
        snprintf(latency, sizeof latency, "a GPU, a smaller model or %.1f s of latency",
                 fit->enough);
    }
    snprintf(fit->sentence, sizeof fit->sentence,
             "too slow for this machine: needs %.1f times its speed; %s would do", fit->speed,
             latency);
}

static double latency_of(const bsm_stream_plan *plan)
{
    return (double)plan->latency / (double)plan->rate;
}

bsm_status bsm_fit_stream(bsm_model *model, const bsm_stream_options *wish, double most,
                          bsm_fit *fit, bsm_error *error)
{
    trial t = {.model = model};
    bsm_status status = choose_products(&t, wish, error);
    const double from = wish->latency > 0 ? wish->latency : latency_of(&t.plan);
    if (!status && trial_load(&t) > MOST_LOAD && !blocks_are_given(wish)) {
        status = search_latency(&t, wish, from, most > from ? most : from, error);
    }
    if (status) {
        return status;
    }
    *fit = (bsm_fit){.options = t.options,
                     .load = trial_load(&t),
                     .latency = latency_of(&t.plan),
                     .speed = trial_load(&t) / MOST_LOAD};
    fit->fits = fit->speed <= 1;
    if (fit->fits) {
        say_fit(&t, fit);
        return BSM_OK;
    }
    if (!blocks_are_given(wish)) {
        status = search_latency(&t, wish, from, LONGEST_LATENCY, error);
        fit->enough = trial_load(&t) <= MOST_LOAD ? latency_of(&t.plan) : 0;
    }
    say_too_slow(fit);
    return status;
}
