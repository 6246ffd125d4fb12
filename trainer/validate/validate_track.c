/* SPDX-License-Identifier: ISC */
/* Separates one track and measures its stems. */
#include "validate/validate_track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "separate/separation.h"
#include "signal/signal.h"

enum { BLOCK = 4096, MAX_RESULTS = BSM_MAX_STEMS + 1 };

typedef struct track_run {
    const bsm_track_job *job;
    const char *name;
    size_t channels;
    uint64_t samples; /* samples measured so far */
    bsm_track_signal *signal;
    bsm_separation separation;
    bsm_cutter *cutter;
    bsm_metrics *metrics[MAX_RESULTS];
    bsm_spectral_metrics *spectral[BSM_MAX_STEMS];
    float **truth;         /* [1 + source][channel][BLOCK]: the mixture and the sources */
    float **rest_target;   /* [channel][BLOCK] */
    float **rest_estimate; /* [channel][BLOCK] */
} track_run;

static bsm_status allocate(track_run *run, bsm_error *error)
{
    const bsm_track_job *job = run->job;
    run->truth = bsm_planes_new((1 + job->num_sources) * run->channels, BLOCK);
    run->rest_target = bsm_planes_new(run->channels, BLOCK);
    run->rest_estimate = bsm_planes_new(run->channels, BLOCK);
    if (!run->truth || !run->rest_target || !run->rest_estimate) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", run->name);
    }
    bsm_status status = BSM_OK;
    for (size_t r = 0; r < job->num_results && !status; r++) {
        status = bsm_metrics_new(job->config->sample_rate, run->channels, &run->metrics[r], error);
    }
    for (size_t s = 0; s < job->config->num_stems && !status; s++) {
        status = bsm_spectral_metrics_new(job->config->sample_rate, run->channels,
                                          &run->spectral[s], error);
    }
    return status;
}

static bsm_status start(track_run *run, const bsm_track *track, bsm_error *error)
{
    const bsm_track_job *job = run->job;
    const bsm_config *config = job->config;
    bsm_status status =
        bsm_track_signal_open(track, job->num_sources, config->sample_rate, config->channels,
                              job->max_seconds, &run->signal, error);
    if (status) {
        return status;
    }
    run->channels = bsm_track_signal_channels(run->signal);
    run->separation = (bsm_separation){.config = config,
                                       .separator = job->separator,
                                       .signal = bsm_track_signal_mixture(run->signal),
                                       .lanes = run->channels / config->channels};
    for (size_t s = 0; s < config->num_stems; s++) {
        run->separation.wanted[s] = true;
    }
    status = allocate(run, error);
    return status ? status
                  : bsm_cutter_new(&run->separation, &job->plan, run->name, &run->cutter, error);
}

static void finish(track_run *run)
{
    for (size_t r = 0; r < run->job->num_results; r++) {
        bsm_metrics_free(run->metrics[r]);
    }
    for (size_t s = 0; s < run->job->config->num_stems; s++) {
        bsm_spectral_metrics_free(run->spectral[s]);
    }
    bsm_cutter_free(run->cutter);
    bsm_track_signal_free(run->signal);
    free(run->truth);
    free(run->rest_target);
    free(run->rest_estimate);
}

static float **target_of(const track_run *run, size_t stem)
{
    return run->truth + (1 + run->job->source_of[stem]) * run->channels;
}

static void subtract(float *from, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        from[i] -= values[i];
    }
}

/* Subtract all stems, and all their estimates, from the mixture. */
static void find_rest(const track_run *run, float *const *estimates, size_t count)
{
    for (size_t c = 0; c < run->channels; c++) {
        memcpy(run->rest_target[c], run->truth[c], count * sizeof(float));
        memcpy(run->rest_estimate[c], run->truth[c], count * sizeof(float));
        for (size_t s = 0; s < run->job->config->num_stems; s++) {
            subtract(run->rest_target[c], target_of(run, s)[c], count);
            subtract(run->rest_estimate[c], estimates[s * run->channels + c], count);
        }
    }
}

static bool is_finite(float *const *planes, size_t num_planes, size_t count)
{
    for (size_t p = 0; p < num_planes; p++) {
        for (size_t i = 0; i < count; i++) {
            if (!isfinite(planes[p][i])) {
                return false;
            }
        }
    }
    return true;
}

/* Measure up to BLOCK samples of the separated signal. */
static bsm_status measure_block(track_run *run, float *const *estimates, size_t count,
                                bsm_error *error)
{
    const size_t stems = run->job->config->num_stems;
    if (!is_finite(estimates, stems * run->channels, count)) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: the network's output at %.1f s is not finite",
                        run->name, (double)run->samples / (double)run->job->config->sample_rate);
    }
    bsm_track_signal_take(run->signal, run->truth, count);
    find_rest(run, estimates, count);
    bsm_status status = BSM_OK;
    for (size_t r = 0; r < run->job->num_results && !status; r++) {
        float *const *target = r < stems ? target_of(run, r) : run->rest_target;
        float *const *estimate = r < stems ? estimates + r * run->channels : run->rest_estimate;
        status = bsm_metrics_add(run->metrics[r], (const float *const *)target,
                                 (const float *const *)estimate, count, error);
    }
    for (size_t s = 0; s < stems; s++) {
        bsm_spectral_metrics_add(run->spectral[s], (const float *const *)run->truth,
                                 (const float *const *)target_of(run, s),
                                 (const float *const *)estimates + s * run->channels, count);
    }
    run->samples += count;
    return status;
}

static bsm_status measure(track_run *run, float *const *estimates, size_t count, bsm_error *error)
{
    float *at[BSM_MAX_STEMS * 2 * BSM_MAX_CHANNELS];
    bsm_status status = BSM_OK;
    for (size_t done = 0; done < count && !status; done += BLOCK) {
        bsm_planes_at(estimates, bsm_separation_planes(&run->separation), done, at);
        status = measure_block(run, at, count - done < BLOCK ? count - done : BLOCK, error);
    }
    return status;
}

bsm_status bsm_validate_track(const bsm_track_job *job, const bsm_track *track,
                              bsm_track_result *results, double *seconds, bsm_error *error)
{
    track_run run = {.job = job, .name = track->name};
    bsm_status status = start(&run, track, error);
    size_t count = 1;
    while (count > 0 && !status) {
        float *const *audio = NULL;
        status = bsm_cutter_next(run.cutter, &audio, &count, error);
        if (!status) {
            status = measure(&run, audio, count, error);
        }
        if (!status && !job->go_on(job->user)) {
            status = BSM_CANCELLED;
        }
    }
    for (size_t r = 0; r < job->num_results && !status; r++) {
        results[r].sdr = bsm_metrics_finish(run.metrics[r]);
        results[r].errors = r < job->config->num_stems
                                ? bsm_spectral_metrics_finish(run.spectral[r])
                                : (bsm_spectral_errors){NAN, NAN, NAN, NAN};
    }
    *seconds = (double)run.samples / (double)job->config->sample_rate;
    finish(&run);
    return status;
}
