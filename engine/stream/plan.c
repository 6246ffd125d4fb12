/* SPDX-License-Identifier: ISC */
/* Derives the sizes of a live stream from a model and the options. */
#include "stream/plan.h"

#include <math.h>

#include "separate/plan.h"
#include "separate/separation.h"
#include "signal/signal.h"

enum { MAX_FRAMES = 6000 }; /* one minute, far above any use */

static const double DEFAULT_LATENCY = 0.8; /* seconds */

static bsm_status check_options(const bsm_stream_options *options, bsm_error *error)
{
    if (options->sample_rate < BSM_STREAM_MIN_RATE || options->sample_rate > BSM_STREAM_MAX_RATE) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "sample rate %zu: expected %d to %d Hz",
                        options->sample_rate, BSM_STREAM_MIN_RATE, BSM_STREAM_MAX_RATE);
    }
    if (options->max_block > BSM_STREAM_MAX_BLOCK) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "blocks of %zu samples: at most %d",
                        options->max_block, BSM_STREAM_MAX_BLOCK);
    }
    if (options->commit > MAX_FRAMES || options->lookahead > MAX_FRAMES ||
        options->history > MAX_FRAMES) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "commit %zu, look-ahead %zu, history %zu: at most %d frames each",
                        options->commit, options->lookahead, options->history, MAX_FRAMES);
    }
    if (!(options->latency >= 0 && options->latency <= 30)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "latency %g s: expected 0 to 30",
                        options->latency);
    }
    if (!(options->max_latency >= 0 && options->max_latency <= 30)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "longest latency %g s: expected 0 to 30",
                        options->max_latency);
    }
    return BSM_OK;
}

static bsm_status choose_memory(const bsm_model *model, const bsm_stream_options *options,
                                bsm_stream_plan *plan, bsm_error *error)
{
    const bsm_memory_wish wish = {options->memory, options->history, options->warmup};
    bsm_memory_plan memory;
    bsm_status status =
        bsm_memory_plan_make(model, &wish, plan->commit, plan->lookahead, &memory, error);
    plan->history = memory.history;
    plan->rolling = memory.rolling;
    return status;
}

/* Find the most samples, at rate `to`, that a resampler has taken in and not yet given, by running
 * one on silence, because libsoxr works in steps of its own. */
static bsm_status measure_lag(size_t from, size_t to, size_t *lag, bsm_error *error)
{
    enum { STEP = 32, ROOM = 4096 };
    static const float silence[STEP];
    const float *in[1] = {silence};
    float out[ROOM], *planes[1] = {out};
    uint64_t taken = 0, given = 0;
    *lag = 0;
    bsm_resampler *resampler = NULL;
    bsm_status status = bsm_resampler_new(from, to, 1, &resampler, error);
    while (!status && taken < from / 2) {
        size_t used = 0, made = 0;
        status = bsm_resampler_process(resampler, in, STEP, &used, planes, ROOM, &made, error);
        taken += used;
        /* the samples held before this output came */
        uint64_t held = (taken * to + from - 1) / from - given;
        *lag = held > *lag ? (size_t)held : *lag;
        given += made;
    }
    bsm_resampler_free(resampler);
    return status;
}

static size_t to_host(const bsm_stream_plan *plan, uint64_t model_samples)
{
    return (size_t)((model_samples * plan->rate + plan->model_rate - 1) / plan->model_rate);
}

/* Find how many host samples both resamplers hold. */
static bsm_status find_lag(bsm_stream_plan *plan, size_t *lag, bsm_error *error)
{
    size_t in = 0, out = 0;
    bsm_status status = BSM_OK;
    if (plan->rate != plan->model_rate) {
        status = measure_lag(plan->rate, plan->model_rate, &in, error);
    }
    if (plan->rate != plan->model_rate && !status) {
        status = measure_lag(plan->model_rate, plan->rate, &out, error);
    }
    plan->resampler_lag = to_host(plan, in);
    *lag = plan->resampler_lag + out;
    return status;
}

/* The part of the latency that does not depend on frames: one transform and the expander. */
static size_t fixed_samples(const bsm_stream_plan *plan)
{
    return plan->n_fft + 1 + plan->expander;
}

/* The latency is that of (2 commit + lookahead - 1) frames, one transform, the expander and the
 * resamplers. */
static void find_latency(size_t lag, bsm_stream_plan *plan)
{
    size_t frames = 2 * plan->commit + plan->lookahead - 1;
    plan->latency = to_host(plan, frames * plan->hop + fixed_samples(plan)) + lag;
    plan->block = to_host(plan, plan->commit * plan->hop);
}

/* The inverse: which 2 commit + lookahead gives the requested latency. */
static double frames_for(double latency, size_t lag, const bsm_stream_plan *plan)
{
    latency -= (double)lag / (double)plan->rate;
    double samples = latency * (double)plan->model_rate - (double)fixed_samples(plan);
    return samples / (double)plan->hop + 1;
}

/* The frames that last longer than a fade. */
static size_t least_commit(const bsm_stream_plan *plan)
{
    return 1 + plan->model_rate / (BSM_FADES_PER_SECOND * plan->hop);
}

/* Take as much look-ahead as commit: every frame is then computed twice, and half of the delay is
 * look-ahead. */
static void choose_blocks(const bsm_stream_options *options, size_t lag, bsm_stream_plan *plan)
{
    plan->commit = options->commit;
    plan->lookahead = options->lookahead;
    if (plan->commit > 0) {
        return;
    }
    double frames =
        frames_for(options->latency > 0 ? options->latency : DEFAULT_LATENCY, lag, plan);
    double commit = floor(frames / 3);
    if (!options->keep_lookahead) {
        plan->lookahead = commit < 1 ? 0 : (size_t)commit;
    } else if (options->latency > 0 || plan->lookahead == 0) {
        commit = floor((frames - (double)plan->lookahead) / 2);
    } else {
        commit = (double)plan->lookahead;
    }
    const double least = (double)least_commit(plan);
    plan->commit = (size_t)(commit < least ? least : commit);
}

static bsm_status check_commit(const bsm_stream_plan *plan, bsm_error *error)
{
    return plan->commit >= least_commit(plan)
               ? BSM_OK
               : bsm_fail(error, BSM_INVALID_ARGUMENT,
                          "commit %zu: with this model's hop of %zu samples at least %zu frames",
                          plan->commit, plan->hop, least_commit(plan));
}

static bsm_status choose_transform(const bsm_model *model, const bsm_stream_plan *before,
                                   bsm_stream_plan *plan, bsm_error *error)
{
    bsm_config paper;
    if (!model && before) {
        *plan = (bsm_stream_plan){.model_rate = before->model_rate,
                                  .hop = before->hop,
                                  .n_fft = before->n_fft,
                                  .expander = before->expander};
        return BSM_OK;
    }
    bsm_status status = model ? BSM_OK : bsm_config_preset("paper", &paper, error);
    if (!status) {
        const bsm_config *config = model ? bsm_model_config(model) : &paper;
        *plan = (bsm_stream_plan){.model_rate = config->sample_rate,
                                  .hop = config->hop,
                                  .n_fft = config->n_fft,
                                  .expander = bsm_expander_delay(config)};
    }
    return status;
}

bsm_status bsm_stream_plan_make(const bsm_model *model, const bsm_stream_plan *before,
                                const bsm_stream_options *options, bsm_stream_plan *plan,
                                bsm_error *error)
{
    size_t lag = 0;
    bsm_status status = check_options(options, error);
    if (!status) {
        status = choose_transform(model, before, plan, error);
    }
    if (status) {
        return status;
    }
    plan->rate = options->sample_rate;
    status = find_lag(plan, &lag, error);
    if (status) {
        return status;
    }
    choose_blocks(options, lag, plan);
    status = check_commit(plan, error);
    if (status) {
        return status;
    }
    find_latency(lag, plan);
    return choose_memory(model, options, plan, error);
}

size_t bsm_stream_plan_block(const bsm_stream_plan *plan)
{
    return plan->history + plan->commit + plan->lookahead;
}

size_t bsm_stream_plan_dearest(const bsm_stream_plan *plan)
{
    return (plan->rolling.segment ? 2 : 1) * bsm_stream_plan_block(plan);
}

uint64_t bsm_stream_plan_ready(const bsm_stream_plan *plan, uint64_t block)
{
    uint64_t frames = (block + 1) * plan->commit + plan->lookahead - 1;
    return to_host(plan, frames * plan->hop + plan->n_fft / 2 + 1) + plan->resampler_lag;
}
