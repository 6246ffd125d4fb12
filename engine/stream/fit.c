/* SPDX-License-Identifier: ISC */
/* Measures how a model plays live on this machine, and chooses options. The time of a block is
 * taken to be proportional to its frames. */
#include "bsm/fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "device/device.h"
#include "stream/plan.h"
#include "stream/span.h"

static const double MOST_LOAD = 0.7;
static const double LITTLE_LOAD = 0.25;   /* with less than this, one thread is enough */
static const double MEASURED_AUDIO = 0.4; /* seconds that a block may have */
static const double MEASURED_TIME = 0.1;  /* for each measurement */
static const double LONGEST_LATENCY = 30; /* seconds that a stream can have */
static const double LATENCY_STEP = 1.25;  /* seconds from one attempt to the next */

/* ---- Measuring ---- */

/* Times the modules of a block. Other programs use the processor, too, especially while a project
 * is loading. So with one thread the processor time of that thread counts. All layers are alike,
 * so the least time of each kind of module counts, which also leaves out the first one with its
 * cold caches. */
typedef struct stopwatch {
    clockid_t clock;
    double end;                    /* when the measuring must end, on the wall clock */
    double last;                   /* when the last module ended */
    double least[BSM_NUM_MODULES]; /* seconds; 0: the module has not run */
} stopwatch;

static double read_clock(const stopwatch *w)
{
    struct timespec now;
    clock_gettime(w->clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool module_done(void *user, bsm_module module, size_t layer)
{
    (void)layer;
    stopwatch *w = user;
    const double now = read_clock(w), took = now - w->last;
    double *least = &w->least[module];
    *least = *least > 0 && *least < took ? *least : took;
    w->last = now;
    return bsm_stream_clock() < w->end || w->least[BSM_MODULE_BAND_PATH] <= 0;
}

/* Seconds that a block takes. Modules that did not run in the time available count as one path. */
static double block_seconds(const stopwatch *w, size_t depth)
{
    const double paths = w->least[BSM_MODULE_TIME_PATH] + w->least[BSM_MODULE_BAND_PATH];
    const double around = w->least[BSM_MODULE_STFT] + w->least[BSM_MODULE_BAND_SPLIT];
    const double behind = w->least[BSM_MODULE_MASK] > 0
                              ? w->least[BSM_MODULE_MASK] + w->least[BSM_MODULE_INVERSE_STFT]
                              : paths / 2;
    return (double)depth * paths + around + behind;
}

/* Run as many blocks as there is time for; if they take less than `little`, a few are enough. */
static bsm_status time_blocks(bsm_network *network, const bsm_block *block, clockid_t clock,
                              double little, double *seconds, bsm_error *error)
{
    const size_t depth = bsm_model_config(bsm_network_model(network))->depth;
    stopwatch w = {.clock = clock, .end = bsm_stream_clock() + MEASURED_TIME};
    bsm_error why;
    size_t few = 3;
    bsm_status status = BSM_OK;
    bsm_network_observe(network, module_done, &w);
    do {
        w.last = read_clock(&w);
        status = bsm_network_run(network, block, &why);
        *seconds = block_seconds(&w, depth);
    } while (!status && (*seconds > little || --few > 0) && bsm_stream_clock() < w.end);
    return status && status != BSM_CANCELLED ? bsm_fail(error, status, "%s", why.message) : BSM_OK;
}

static bsm_status time_network(bsm_network *network, size_t frames, clockid_t clock, double little,
                               double *seconds, bsm_error *error)
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
    const bsm_status status = time_blocks(network, &block, clock, little, seconds, error);
    free(memory);
    return status;
}

/* The load of a stream whose frames take `seconds` each, by its most expensive blocks. */
static double load_of(const bsm_stream_plan *plan, double seconds)
{
    const double frames = (double)bsm_stream_plan_dearest(plan);
    return seconds * frames * (double)plan->model_rate / (double)(plan->commit * plan->hop);
}

/* Whether the CPU computes, not a GPU. */
static bool computes_here(bsm_device_kind kind)
{
    const bsm_device *device = NULL;
    return !bsm_device_find(kind, &device, NULL) &&
           (device == &bsm_cpu_device || device == &bsm_reference_device);
}

/* Seconds that a frame takes in a stream with these options. */
static bsm_status measure(bsm_model *model, const bsm_stream_options *options,
                          const bsm_stream_plan *plan, double *seconds, bsm_error *error)
{
    const size_t frames = bsm_stream_plan_block(plan);
    const size_t most = 1 + (size_t)(MEASURED_AUDIO * (double)plan->model_rate) / plan->hop;
    const bsm_network_options sized = {.device = options->device,
                                       .precision = options->precision,
                                       .threads = options->threads,
                                       .max_frames = frames < most ? frames : most};
    const bool own_time = options->threads == 1 && computes_here(options->device);
    const clockid_t clock = own_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    const double little = LITTLE_LOAD / load_of(plan, 1) * (double)sized.max_frames;
    bsm_network *network = NULL;
    bsm_status status = bsm_network_new(model, &sized, &network, error);
    if (!status) {
        status = time_network(network, sized.max_frames, clock, little, seconds, error);
        *seconds /= (double)sized.max_frames;
    }
    bsm_network_free(network);
    return status;
}

/* ---- Choosing ---- */

/* A trial: options and what follows from them. */
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

static double latency_of(const bsm_stream_plan *plan)
{
    return (double)plan->latency / (double)plan->rate;
}

static bool blocks_are_given(const bsm_stream_options *wish)
{
    return wish->commit > 0;
}

/* Exchange look-ahead for longer blocks. The latency stays the same to the sample, so the host
 * need not notice. */
static bsm_status trade_lookahead(trial *t, bsm_error *error)
{
    bsm_stream_options options = t->options;
    bsm_stream_plan plan = t->plan;
    while (load_of(&plan, t->seconds) > MOST_LOAD && plan.lookahead >= 2) {
        plan.commit++;
        plan.lookahead -= 2;
    }
    if (plan.commit == t->plan.commit) {
        return BSM_OK;
    }
    options.commit = plan.commit;
    options.lookahead = plan.lookahead;
    return try_options(t, &options, error);
}

/* Choose the most look-ahead that the load allows at this latency, or the least if none fits. */
static bsm_status try_latency(trial *t, const bsm_stream_options *wish, double latency,
                              bsm_error *error)
{
    bsm_stream_options options = t->options;
    options.latency = latency;
    options.commit = wish->commit;
    options.lookahead = wish->lookahead;
    const bsm_status status = try_options(t, &options, error);
    return status || blocks_are_given(wish) || wish->keep_lookahead ? status
                                                                    : trade_lookahead(t, error);
}

/* Choose the least latency that fits, from the requested one up to `to`; or `to`. */
static bsm_status search_latency(trial *t, const bsm_stream_options *wish, double to,
                                 bsm_error *error)
{
    bsm_status status = try_latency(t, wish, wish->latency, error);
    for (double latency = latency_of(&t->plan);
         !status && trial_load(t) > MOST_LOAD && latency < to;) {
        latency = latency * LATENCY_STEP < to ? latency * LATENCY_STEP : to;
        status = try_latency(t, wish, latency, error);
    }
    return status;
}

/* Choose one thread if its load is low enough. Several threads are measured by the wall clock,
 * which exaggerates on a busy machine, but they are never slower than one. */
static bsm_status choose_threads(trial *t, const bsm_stream_options *wish, bsm_error *error)
{
    bsm_stream_options options = *wish;
    double several = 0;
    options.threads = 1;
    bsm_status status = try_options(t, &options, error);
    if (!status) {
        status = measure(t->model, &options, &t->plan, &t->seconds, error);
    }
    if (status || (wish->threads == 0 && trial_load(t) < LITTLE_LOAD)) {
        return status;
    }
    t->options.threads = wish->threads;
    status =
        wish->threads == 1 ? BSM_OK : measure(t->model, &t->options, &t->plan, &several, error);
    t->seconds = several > 0 && several < t->seconds ? several : t->seconds;
    return status;
}

/* ---- The sentence for the user ---- */

static double seconds_of(const bsm_stream_plan *plan, size_t frames)
{
    return (double)(frames * plan->hop) / (double)plan->model_rate;
}

/* The precision in which the device computes when it is asked for this one. */
static bsm_precision precision_on(const bsm_device *device, bsm_precision precision)
{
    const bsm_device *own = bsm_device_for(device, precision);
    if (device == &bsm_cpu_device || device == &bsm_reference_device) {
        return own == &bsm_cpu_int8_device   ? BSM_PRECISION_INT8
               : own == &bsm_cpu_bf16_device ? BSM_PRECISION_BFLOAT16
                                             : BSM_PRECISION_FLOAT32;
    }
    return precision == BSM_PRECISION_INT8 ? BSM_PRECISION_BFLOAT16 : precision;
}

static bsm_status say_fit(const trial *t, bsm_fit *fit, bsm_error *error)
{
    const bsm_device *device = NULL;
    const bsm_status status = bsm_device_find(t->options.device, &device, error);
    if (status) {
        return status;
    }
    char memory[64] = "memory carried";
    const size_t kept = t->plan.history ? t->plan.history : t->plan.rolling.segment;
    if (kept) {
        snprintf(memory, sizeof memory, "%s memory of %.1f s",
                 t->plan.history ? "bounded" : "rolling", seconds_of(&t->plan, kept));
    }
    snprintf(fit->sentence, sizeof fit->sentence,
             "fits this machine: load %.0f %% at %.2f s of latency, with blocks of %.2f s, %.2f s "
             "of look-ahead, %s, in %s",
             100 * fit->load, fit->latency, seconds_of(&t->plan, t->plan.commit),
             seconds_of(&t->plan, t->plan.lookahead), memory,
             bsm_precision_name(precision_on(device, t->options.precision)));
    return BSM_OK;
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

bsm_status bsm_fit_stream(bsm_model *model, const bsm_stream_options *wish, double most,
                          bsm_fit *fit, bsm_error *error)
{
    trial t = {.model = model};
    bsm_status status = choose_threads(&t, wish, error);
    if (!status && !blocks_are_given(wish)) {
        status = search_latency(&t, wish, most, error);
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
        return say_fit(&t, fit, error);
    }
    if (!blocks_are_given(wish)) {
        status = search_latency(&t, wish, LONGEST_LATENCY, error);
        fit->enough = trial_load(&t) <= MOST_LOAD ? latency_of(&t.plan) : 0;
    }
    say_too_slow(fit);
    return status;
}
