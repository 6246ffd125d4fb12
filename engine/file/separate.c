/* SPDX-License-Identifier: ISC */
/* Separates a whole audio file: the source, the separation, the parts. One thread reads the file
 * and one writes the parts, while the network computes. */
#include "file/separate.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "file/output_files.h"
#include "file/parts.h"
#include "file/sample_pipe.h"
#include "separate/plan.h"
#include "separate/separation.h"

typedef struct separation_job {
    const char *path;
    const bsm_separate_options *options;
    bsm_separate_result *result;
    bsm_separate_plan plan;
    bsm_separation separation;
    bsm_source *source;
    bsm_read_ahead *ahead;
    bsm_cutter *cutter;
    bsm_write_behind *behind;
    bsm_parts *parts;
    bsm_sample_queue original; /* original samples on their way around the network */
    uint64_t given;            /* samples at the model's rate that were passed on for writing */
    double start;
} separation_job;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static bsm_status open_source(separation_job *job, bsm_error *error)
{
    const bsm_config *config = job->separation.config;
    bsm_status status =
        bsm_source_open(job->path, config->sample_rate, config->channels, &job->source, error);
    if (status) {
        return status;
    }
    job->separation.lanes = bsm_source_channels(job->source) / config->channels;
    return BSM_OK;
}

static bsm_status write_parts(void *user, float *const *audio, size_t count, bsm_error *error)
{
    return bsm_parts_add(user, audio, count, error);
}

/* On either side of the separation there is room for as many samples as it takes and gives at
 * once, and at least for a second. */
static bsm_status open_threads(separation_job *job, bsm_error *error)
{
    bsm_separation *separation = &job->separation;
    const bsm_config *config = separation->config;
    const size_t step = job->plan.commit ? job->plan.commit * config->hop : job->plan.step;
    const size_t waiting = step > config->sample_rate ? step : config->sample_rate;
    bsm_sample_queue *original = bsm_source_original(job->source);
    bsm_sample_queue_init(&job->original, original->channels);
    bsm_status status =
        bsm_read_ahead_new(bsm_source_signal(job->source), bsm_separation_channels(separation),
                           original, waiting, job->path, &job->ahead, error);
    if (!status) {
        separation->signal = bsm_read_ahead_signal(job->ahead);
        status = bsm_write_behind_new(write_parts, job->parts, bsm_separation_planes(separation),
                                      bsm_parts_input(job->parts), waiting, job->path, &job->behind,
                                      error);
    }
    return status;
}

/* The names are taken when the files are whole, and then nothing may fail any more. */
static bsm_status make_room_for_names(separation_job *job, bsm_error *error)
{
    bsm_separate_result *result = job->result;
    result->outputs = calloc(bsm_parts_count(job->parts), sizeof *result->outputs);
    return result->outputs ? BSM_OK : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
}

static bsm_status open_all(separation_job *job, bsm_error *error)
{
    const bsm_separation *separation = &job->separation;
    bsm_status status = open_source(job, error);
    if (!status) {
        status = bsm_parts_new(separation, job->source, job->path, job->options, &job->plan,
                               bsm_vocals_stem(separation->config), &job->result->output_failed,
                               &job->parts, error);
    }
    if (!status) {
        status = make_room_for_names(job, error);
    }
    if (!status) {
        status = open_threads(job, error);
    }
    return status ? status : bsm_cutter_new(separation, &job->plan, job->path, &job->cutter, error);
}

static bsm_status report_progress(const separation_job *job)
{
    if (!job->options->progress) {
        return BSM_OK;
    }
    const bsm_audio_info *info = bsm_source_info(job->source);
    const double elapsed = now() - job->start;
    bsm_progress progress = {.done =
                                 (double)job->given / (double)job->separation.config->sample_rate};
    if (info->frames != BSM_UNKNOWN_FRAMES) {
        progress.total = (double)info->frames / (double)info->rate;
        /* limits the last sample of a resampler */
        progress.done = fmin(progress.done, progress.total);
    }
    progress.speed = progress.done > 0 && elapsed > 0 ? progress.done / elapsed : 0;
    return job->options->progress(job->options->user, &progress) ? BSM_OK : BSM_CANCELLED;
}

static bsm_status run(separation_job *job, bsm_error *error)
{
    size_t count = 1;
    bsm_status status = BSM_OK;
    while (count > 0 && !status) {
        float *const *audio = NULL;
        status = report_progress(job);
        if (!status) {
            status = bsm_cutter_next(job->cutter, &audio, &count, error);
        }
        if (!status) {
            status = bsm_read_ahead_take_beside(job->ahead, &job->original, error);
        }
        if (!status) {
            status = bsm_write_behind_add(job->behind, audio, count, &job->original, error);
            job->given += count;
        }
    }
    if (!status) {
        status = bsm_write_behind_finish(job->behind, error);
    }
    return status ? status : bsm_parts_finish(job->parts, error);
}

static void report_result(const separation_job *job)
{
    const bsm_audio_info *info = bsm_source_info(job->source);
    bsm_separate_result *result = job->result;
    result->seconds = (double)bsm_parts_written(job->parts) / (double)info->rate;
    result->compute_seconds = now() - job->start;
    result->nonfinite_samples = info->nonfinite;
    result->missing_seconds = (double)info->missing / (double)info->rate;
    result->parts = info->parts;
    result->mixed_channels = info->mixed;
    bsm_format_line(result->remark, sizeof result->remark, "%s", info->remark);
    bsm_parts_report(job->parts, result);
}

bsm_status bsm_separate_file_with(bsm_separator separator, const bsm_config *config,
                                  const bsm_model *model, const char *path,
                                  const bsm_separate_options *options, bsm_separate_result *result,
                                  bsm_error *error)
{
    *result = (bsm_separate_result){0};
    separation_job job = {.path = path, .options = options, .result = result, .start = now()};
    job.separation = (bsm_separation){.config = config, .separator = separator};
    for (size_t s = 0; s < config->num_stems; s++) {
        job.separation.wanted[s] = options->all_stems || s == bsm_vocals_stem(config);
    }
    bsm_status status = bsm_separate_plan_make(config, model, options, &job.plan, error);
    if (!status) {
        status = open_all(&job, error);
    }
    if (!status) {
        status = run(&job, error);
    }
    if (status == BSM_CANCELLED) { /* between windows, or inside the network */
        bsm_fail(error, status, "%s: cancelled", path);
    }
    if (status == BSM_NO_MEMORY) { /* one of the parts ran out of memory */
        bsm_fail(error, status, "%s: out of memory; shorter windows or blocks need less", path);
    }
    if (!status) {
        report_result(&job);
    } else {
        bsm_separate_result_free(result);
    }
    bsm_write_behind_free(job.behind);
    bsm_sample_queue_clear(&job.original);
    bsm_read_ahead_free(job.ahead);
    bsm_cutter_free(job.cutter);
    bsm_parts_free(job.parts);
    bsm_source_free(job.source);
    return status;
}

void bsm_separate_result_free(bsm_separate_result *result)
{
    free(result->outputs);
    result->outputs = NULL;
    result->num_outputs = 0;
}

/* On the CPU a window of a large model takes seconds, so the network asks whether to go on. */
typedef struct cancel_watch {
    const bsm_separate_options *options;
    bsm_progress last;
} cancel_watch;

static bool report_and_remember(void *user, const bsm_progress *progress)
{
    cancel_watch *watch = user;
    watch->last = *progress;
    return watch->options->progress(watch->options->user, progress);
}

static bool report_again(void *user)
{
    return report_and_remember(user, &((cancel_watch *)user)->last);
}

bsm_status bsm_separate_file(bsm_network *network, const char *path,
                             const bsm_separate_options *options, bsm_separate_result *result,
                             bsm_error *error)
{
    cancel_watch watch = {.options = options};
    bsm_separate_options watched = *options;
    if (options->progress) {
        watched.progress = report_and_remember;
        watched.user = &watch;
        bsm_network_ask(network, report_again, &watch);
    }
    const bsm_model *model = bsm_network_model(network);
    bsm_status status =
        bsm_separate_file_with(bsm_separator_of_network(network), bsm_model_config(model), model,
                               path, &watched, result, error);
    bsm_network_ask(network, NULL, NULL);
    return status;
}
