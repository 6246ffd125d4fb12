/* SPDX-License-Identifier: ISC */
/* Separates the tracks of a subset and measures the result. */
#include "validate/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "separate/plan.h"
#include "validate/validate_track.h"

typedef struct validation_run {
    const bsm_validate_options *options;
    bsm_validate_progress *progress;
    void *user;
    bsm_tracks *tracks;
    size_t track; /* number of the current track */
    bsm_network *network;
    bsm_track_job job;
    bsm_validation *validation;
} validation_run;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- Preparation ---- */

/* Separates as bsm-separate does. */
static bsm_status make_plan(const bsm_model *model, const bsm_validate_options *options,
                            bsm_separate_plan *plan, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(model);
    const bool bounded = options->memory == BSM_MEMORY_MODEL && options->history > 0;
    const bsm_separate_options separate = {
        .window = options->duration,
        .overlap = options->overlap,
        .commit = options->commit,
        .lookahead = options->lookahead,
        .memory = bounded ? BSM_MEMORY_BOUNDED : options->memory,
        .history = options->history,
        .warmup = options->warmup,
    };
    return bsm_separate_plan_make(config, model, &separate, plan, error);
}

static void describe(const bsm_separate_plan *plan, const bsm_config *config, char *text,
                     size_t size)
{
    if (!plan->commit) {
        snprintf(text, size, "windows of %g s, overlap %.0f%%",
                 (double)plan->window / (double)config->sample_rate,
                 100 * (1 - (double)plan->step / (double)plan->window));
    } else if (plan->memory.history) {
        snprintf(text, size, "stream: commit %zu, look-ahead %zu, history %zu frames", plan->commit,
                 plan->lookahead, plan->memory.history);
    } else if (plan->memory.rolling.segment) {
        snprintf(text, size,
                 "stream: commit %zu, look-ahead %zu, rolling memory %zu, warm-up %zu frames",
                 plan->commit, plan->lookahead, plan->memory.rolling.segment,
                 plan->memory.rolling.warmup);
    } else {
        snprintf(text, size, "stream: commit %zu, look-ahead %zu frames, state carried",
                 plan->commit, plan->lookahead);
    }
}

/* Figures are compared with each other, so anything that can make them worse is reported with
 * them. */
static void describe_precision(bsm_precision precision, char *text, size_t size)
{
    if (precision != BSM_PRECISION_FLOAT32) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, ", %s or better", bsm_precision_name(precision));
    }
}

static bsm_status find_targets(const bsm_config *config, const bsm_validate_options *options,
                               bsm_track_job *job, bsm_error *error)
{
    for (size_t s = 0; s < config->num_stems; s++) {
        size_t source = 0;
        while (source < options->num_sources &&
               strcmp(config->stems[s], options->sources[source]) != 0) {
            source++;
        }
        if (source == options->num_sources) {
            return bsm_fail(error, BSM_INVALID_ARGUMENT,
                            "%s: cannot be measured: the model's stem \"%s\" is not among the "
                            "data's sources",
                            options->root, config->stems[s]);
        }
        job->source_of[s] = source;
    }
    job->num_results = config->num_stems + (options->num_sources > config->num_stems);
    return BSM_OK;
}

static bool go_on(void *user)
{
    const validation_run *run = user;
    return !run->progress || run->progress(run->user, run->tracks->tracks[run->track].name,
                                           run->track, run->tracks->num_tracks);
}

static bsm_status make_network(validation_run *run, bsm_model *model, bsm_error *error)
{
    const bsm_separate_plan *plan = &run->job.plan;
    bsm_network_options options = {.device = run->options->device,
                                   .precision = run->options->precision,
                                   .threads = run->options->threads};
    bsm_separate_plan_network(bsm_model_config(model), plan, &options);
    bsm_status status = bsm_network_new(model, &options, &run->network, error);
    if (!status) {
        /* On the CPU a window of a large model takes seconds, so the network asks whether to go
         * on. */
        bsm_network_ask(run->network, go_on, run);
        run->job.separator = bsm_separator_of_network(run->network);
    }
    return status;
}

static bsm_status allocate(validation_run *run, bsm_error *error)
{
    bsm_validation *validation = calloc(1, sizeof *validation);
    run->validation = validation;
    if (!validation) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", run->options->root);
    }
    validation->num_tracks = run->tracks->num_tracks;
    validation->num_stems = run->job.num_results;
    validation->num_results = validation->num_tracks * validation->num_stems;
    validation->results = calloc(validation->num_results, sizeof *validation->results);
    validation->summaries = calloc(validation->num_stems, sizeof *validation->summaries);
    if (!validation->results || !validation->summaries) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", run->options->root);
    }
    for (size_t r = 0; r < validation->num_results; r++) {
        bsm_track_result *result = &validation->results[r];
        result->stem = r % validation->num_stems;
        result->track = strdup(run->tracks->tracks[r / validation->num_stems].name);
        if (!result->track) {
            return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", run->options->root);
        }
    }
    return BSM_OK;
}

static bsm_status set_up(validation_run *run, bsm_model *model, bsm_error *error)
{
    const bsm_validate_options *options = run->options;
    const bsm_config *config = bsm_model_config(model);
    run->job = (bsm_track_job){.config = config,
                               .num_sources = options->num_sources,
                               .max_seconds = options->max_seconds,
                               .go_on = go_on,
                               .user = run};
    if (!(options->max_seconds >= 0)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%g s of each track: expected 0 or more",
                        options->max_seconds);
    }
    bsm_status status = make_plan(model, options, &run->job.plan, error);
    if (!status) {
        status = find_targets(config, options, &run->job, error);
    }
    if (!status) {
        status = bsm_tracks_find(options->root, options->layout, options->subset, options->sources,
                                 options->num_sources, &run->tracks, error);
    }
    if (!status) {
        status = make_network(run, model, error);
    }
    if (!status) {
        status = allocate(run, error);
    }
    if (!status) {
        describe(&run->job.plan, config, run->validation->method, sizeof run->validation->method);
        describe_precision(run->options->precision, run->validation->method,
                           sizeof run->validation->method);
    }
    return status;
}

/* ---- Figures ---- */

double bsm_track_figure(const bsm_track_result *result, bsm_figure figure)
{
    switch (figure) {
    case BSM_FIGURE_USDR: return result->sdr.usdr;
    case BSM_FIGURE_CENTRE_USDR: return result->errors.centre_usdr;
    case BSM_FIGURE_CSDR: return result->sdr.csdr;
    case BSM_FIGURE_MISSED: return result->errors.missed;
    case BSM_FIGURE_LET_THROUGH: return result->errors.let_through;
    case BSM_FIGURE_MIXED: return result->errors.mixed;
    case BSM_FIGURE_SPARSE_CSDR: return result->sdr.sparse_csdr;
    case BSM_FIGURE_SILENT_RESIDUAL: return result->sdr.silent_residual;
    case BSM_FIGURE_TYPICAL_RESIDUAL: return result->sdr.typical_residual;
    case BSM_NUM_FIGURES: break;
    }
    return NAN;
}

/* `values` has room for one value per track. */
static void summarise(bsm_validation *validation, size_t stem, bsm_figure figure, double *values)
{
    size_t count = 0;
    for (size_t r = stem; r < validation->num_results; r += validation->num_stems) {
        const double value = bsm_track_figure(&validation->results[r], figure);
        if (!isnan(value)) {
            values[count++] = value;
        }
    }
    validation->summaries[stem].mean[figure] = bsm_mean(values, count);
    validation->summaries[stem].median[figure] = bsm_median(values, count);
}

static bsm_status summarise_all(validation_run *run, bsm_error *error)
{
    bsm_validation *validation = run->validation;
    double *values = calloc(validation->num_tracks, sizeof *values);
    if (!values) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", run->options->root);
    }
    for (size_t s = 0; s < validation->num_stems; s++) {
        for (bsm_figure figure = 0; figure < BSM_NUM_FIGURES; figure++) {
            summarise(validation, s, figure, values);
        }
    }
    free(values);
    return BSM_OK;
}

/* ---- The whole validation ---- */

static bsm_status run_tracks(validation_run *run, bsm_error *error)
{
    bsm_validation *validation = run->validation;
    bsm_status status = BSM_OK;
    for (run->track = 0; run->track < run->tracks->num_tracks && !status; run->track++) {
        double seconds = 0;
        status = go_on(run)
                     ? bsm_validate_track(&run->job, &run->tracks->tracks[run->track],
                                          &validation->results[run->track * validation->num_stems],
                                          &seconds, error)
                     : BSM_CANCELLED;
        validation->seconds_audio += seconds;
    }
    return status;
}

bsm_status bsm_validate(bsm_model *model, const bsm_validate_options *options,
                        bsm_validate_progress *progress, void *user, bsm_validation **validation,
                        bsm_error *error)
{
    *validation = NULL;
    const double begin = now();
    validation_run run = {.options = options, .progress = progress, .user = user};
    bsm_status status = set_up(&run, model, error);
    if (!status) {
        status = run_tracks(&run, error);
    }
    if (status == BSM_CANCELLED) { /* between windows, or inside the network */
        bsm_fail(error, status, "%s: validation cancelled", options->root);
    }
    if (!status) {
        status = summarise_all(&run, error);
    }
    bsm_network_free(run.network);
    bsm_tracks_free(run.tracks);
    if (status) {
        bsm_validation_free(run.validation);
        return status;
    }
    run.validation->seconds_taken = now() - begin;
    *validation = run.validation;
    return BSM_OK;
}

void bsm_validation_free(bsm_validation *validation)
{
    if (validation) {
        for (size_t r = 0; validation->results && r < validation->num_results; r++) {
            free(validation->results[r].track);
        }
        free(validation->results);
        free(validation->summaries);
        free(validation);
    }
}
