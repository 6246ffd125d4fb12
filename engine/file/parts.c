/* SPDX-License-Identifier: ISC */
/* Writes the separated signal to files. */
#include "file/parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signal/signal.h"

enum {
    BLOCK = 4096,
    MAX_PLANES = BSM_MAX_STEMS * BSM_MAX_CHANNELS,
    PEAK_DB = -1, /* of outputs whose gain is to be found; lossy formats may exceed it a little */
};

#define NOT_WRITTEN SIZE_MAX

struct bsm_parts {
    bsm_source *source;
    bool *output_failed;
    const char *path; /* of the input, for messages */
    bsm_listen_fn *listen;
    void *listener;
    size_t channels; /* of the signal; at least those of the file */
    size_t planes;
    size_t vocals;                   /* index of their group of planes */
    size_t output_of[BSM_MAX_STEMS]; /* for each group of planes, the index of its file ... */
    size_t instrumental;             /* ... and that of the instrumental's; or NOT_WRITTEN */
    float gain;
    bsm_sample_spool *spool; /* NULL if the gain is known from the start */
    float peak; /* the highest sample of all outputs so far, while the gain is not known */
    uint64_t written;
    bsm_resampler *resampler; /* NULL if the rates are equal */
    bsm_output_files files;
    float **converted;      /* [planes][BLOCK]: at the file's rate */
    bsm_sample_queue input; /* original samples whose parts have not arrived yet */
    float **original;       /* [channels][BLOCK]: some of them */
    float **part;           /* [channels][BLOCK]: the samples for one file */
};

/* ---- Setting up ---- */

static bsm_status add_file(bsm_parts *parts, const bsm_output *output,
                           const bsm_audio_format *format, bsm_error *error)
{
    memcpy(parts->files.paths[parts->files.count], output->path, BSM_MAX_PATH);
    bsm_status status = bsm_output_files_add(&parts->files, format, error);
    *parts->output_failed |= status != BSM_OK;
    return status;
}

static size_t find_output(const bsm_output_plan *plan, bool instrumental, size_t stem)
{
    for (size_t i = 0; i < plan->count; i++) {
        const bsm_output *output = &plan->outputs[i];
        if ((output->kind == BSM_OUTPUT_INSTRUMENTAL) == instrumental &&
            (instrumental || output->stem == stem)) {
            return i;
        }
    }
    return NOT_WRITTEN;
}

static void assign(bsm_parts *parts, const bsm_separation *separation, const bsm_output_plan *plan,
                   size_t vocals)
{
    size_t group = 0;
    parts->instrumental = find_output(plan, true, 0);
    for (size_t s = 0; s < separation->config->num_stems; s++) {
        if (separation->wanted[s]) {
            parts->vocals = s == vocals ? group : parts->vocals;
            parts->output_of[group++] = find_output(plan, false, s);
        }
    }
}

static bsm_status add_files(bsm_parts *parts, const bsm_separation *separation,
                            const bsm_separate_options *options, const bsm_separate_plan *plan,
                            size_t vocals, bsm_error *error)
{
    const bsm_audio_info *info = bsm_source_info(parts->source);
    bsm_audio_tags tags;
    bsm_output_plan *outputs = malloc(sizeof *outputs);
    if (!outputs) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", parts->path);
    }
    bsm_source_tags(parts->source, &tags);
    const bsm_audio_format format = {.format = options->format,
                                     .bits = plan->bits,
                                     .rate = info->rate,
                                     .channels = info->channels,
                                     .frames = info->frames,
                                     .stream = options->stream,
                                     .tags = &tags};
    bsm_status status =
        bsm_output_plan_make(separation->config, options, parts->path, outputs, error);
    *parts->output_failed |= status != BSM_OK;
    for (size_t i = 0; i < outputs->count && !status; i++) {
        status = add_file(parts, &outputs->outputs[i], &format, error);
    }
    assign(parts, separation, outputs, vocals);
    bsm_audio_tags_clear(&tags);
    free(outputs);
    return status;
}

/* Open the spool beside the first output, whose disk must have room anyway, or for a stream in the
 * folder for temporary files. */
static bsm_status open_spool(bsm_parts *parts, const bsm_separate_options *options,
                             bsm_error *error)
{
    if (!options->normalize) {
        return BSM_OK;
    }
    const char *folder = getenv("TMPDIR");
    char temporary[BSM_MAX_PATH];
    snprintf(temporary, sizeof temporary, "%s/bsm", folder && *folder ? folder : "/tmp");
    parts->gain = 1;
    bsm_status status = bsm_sample_spool_new(
        options->stream > 0 ? temporary : parts->files.paths[0],
        parts->planes + bsm_source_info(parts->source)->channels, BLOCK, &parts->spool, error);
    *parts->output_failed |= status != BSM_OK;
    return status;
}

static bsm_status allocate(bsm_parts *parts, size_t model_rate, bsm_error *error)
{
    const size_t rate = bsm_source_info(parts->source)->rate;
    parts->converted = bsm_planes_new(parts->planes, BLOCK);
    parts->original = bsm_planes_new(parts->channels, BLOCK);
    parts->part = bsm_planes_new(parts->channels, BLOCK);
    if (!parts->converted || !parts->original || !parts->part) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", parts->path);
    }
    return rate == model_rate
               ? BSM_OK
               : bsm_resampler_new(model_rate, rate, parts->planes, &parts->resampler, error);
}

bsm_status bsm_parts_new(const bsm_separation *separation, bsm_source *source, const char *path,
                         const bsm_separate_options *options, const bsm_separate_plan *plan,
                         size_t vocals, bool *output_failed, bsm_parts **parts, bsm_error *error)
{
    *parts = NULL;
    bsm_parts *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    made->source = source;
    made->output_failed = output_failed;
    made->path = path;
    made->channels = bsm_source_channels(source);
    bsm_sample_queue_init(&made->input, bsm_source_info(source)->channels);
    made->planes = bsm_separation_planes(separation);
    made->files.force = options->force;
    made->gain = (float)pow(10, options->gain / 20);
    made->listen = options->listen;
    made->listener = options->listener;
    bsm_status status = allocate(made, separation->config->sample_rate, error);
    if (!status) {
        status = add_files(made, separation, options, plan, vocals, error);
    }
    if (!status) {
        status = open_spool(made, options, error);
    }
    if (status) {
        bsm_parts_free(made);
        return status;
    }
    *parts = made;
    return BSM_OK;
}

void bsm_parts_free(bsm_parts *parts)
{
    if (parts) {
        bsm_output_files_clear(&parts->files);
        bsm_resampler_free(parts->resampler);
        bsm_sample_spool_free(parts->spool);
        free(parts->converted);
        bsm_sample_queue_clear(&parts->input);
        free(parts->original);
        free(parts->part);
        free(parts);
    }
}

/* ---- Writing ---- */

/* Convert one stem's planes to the file's channels. A mono file was given to the network as two
 * equal channels, so its part is their mean. */
static bool fold(bsm_parts *parts, float *const *stem, size_t count)
{
    const size_t channels = bsm_source_info(parts->source)->channels;
    const bool mean = channels == 1 && parts->channels == 2;
    bool finite = true;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < count; i++) {
            float sample = mean ? 0.5F * (stem[0][i] + stem[1][i]) : stem[c][i];
            finite &= isfinite(sample) != 0;
            parts->part[c][i] = parts->gain * sample;
        }
    }
    return finite;
}

static bsm_status write_part(bsm_parts *parts, size_t output, float *const *audio, size_t count,
                             bsm_error *error)
{
    if (output == NOT_WRITTEN) {
        return BSM_OK;
    }
    bsm_status status = bsm_audio_writer_write(parts->files.writers[output], audio, count, error);
    *parts->output_failed |= status != BSM_OK;
    return status;
}

/* Subtract the vocals from `original`, which becomes the instrumental. */
static void subtract_vocals(const bsm_parts *parts, size_t count)
{
    for (size_t c = 0; c < bsm_source_info(parts->source)->channels; c++) {
        for (size_t i = 0; i < count; i++) {
            parts->original[c][i] -= parts->part[c][i];
        }
    }
}

/* After the vocals were subtracted, `part` and `original` hold what went into the two files. */
static void tell_listener(const bsm_parts *parts, size_t count)
{
    if (parts->listen && count > 0) {
        const bsm_audio_info *info = bsm_source_info(parts->source);
        const bsm_separated_block block = {.vocals = (const float *const *)parts->part,
                                           .instrumental = (const float *const *)parts->original,
                                           .channels = info->channels,
                                           .count = count,
                                           .rate = info->rate};
        parts->listen(parts->listener, &block);
    }
}

/* A model's weights are finite, so the samples were too large for the network. */
static bsm_status fail_infinite(const bsm_parts *parts, bsm_error *error)
{
    return bsm_fail(
        error, BSM_BAD_AUDIO,
        "%s: cannot separate what is at %.1f s: the network's output is not finite; are "
        "the samples far too large?",
        parts->path, (double)parts->written / (double)bsm_source_info(parts->source)->rate);
}

/* Write up to BLOCK samples of all parts; `original` has those of the input. */
static bsm_status write_files(bsm_parts *parts, float *const *audio, size_t count, bsm_error *error)
{
    const size_t channels = bsm_source_info(parts->source)->channels;
    bsm_status status = BSM_OK;
    for (size_t c = 0; c < channels && parts->gain != 1.0F; c++) {
        for (size_t i = 0; i < count; i++) {
            parts->original[c][i] *= parts->gain;
        }
    }
    for (size_t g = 0; g * parts->channels < parts->planes && !status; g++) {
        const size_t output = parts->output_of[g];
        if (!fold(parts, audio + g * parts->channels, count)) {
            return fail_infinite(parts, error);
        }
        if (output != NOT_WRITTEN) {
            bsm_audio_writer_round(parts->files.writers[output], parts->part, count);
        }
        status = write_part(parts, output, parts->part, count, error);
        if (g == parts->vocals && !status) {
            subtract_vocals(parts, count);
            status = write_part(parts, parts->instrumental, parts->original, count, error);
            tell_listener(parts, count);
        }
    }
    parts->written += status ? 0 : count;
    return status;
}

/* ---- A gain that is known only at the end ---- */

static void measure_peak(bsm_parts *parts, size_t output, float *const *audio, size_t count)
{
    for (size_t c = 0; c < bsm_source_info(parts->source)->channels && output != NOT_WRITTEN; c++) {
        for (size_t i = 0; i < count; i++) {
            parts->peak = fmaxf(parts->peak, fabsf(audio[c][i]));
        }
    }
}

/* The counterpart of write_files that writes to the spool. */
static bsm_status keep(bsm_parts *parts, float *const *audio, size_t count, bsm_error *error)
{
    float *all[MAX_PLANES + BSM_MAX_CHANNELS];
    memcpy(all, audio, parts->planes * sizeof *all);
    memcpy(all + parts->planes, parts->original,
           bsm_source_info(parts->source)->channels * sizeof *all);
    bsm_status status = bsm_sample_spool_add(parts->spool, all, count, error);
    *parts->output_failed |= status != BSM_OK;
    for (size_t g = 0; g * parts->channels < parts->planes && !status; g++) {
        if (!fold(parts, audio + g * parts->channels, count)) {
            return fail_infinite(parts, error);
        }
        measure_peak(parts, parts->output_of[g], parts->part, count);
        if (g == parts->vocals) {
            subtract_vocals(parts, count);
            measure_peak(parts, parts->instrumental, parts->original, count);
        }
    }
    parts->written += status ? 0 : count;
    return status;
}

/* Silence is not amplified. */
static bsm_status write_kept(bsm_parts *parts, bsm_error *error)
{
    float *all[MAX_PLANES + BSM_MAX_CHANNELS];
    size_t count = 1;
    memcpy(all, parts->converted, parts->planes * sizeof *all);
    memcpy(all + parts->planes, parts->original,
           bsm_source_info(parts->source)->channels * sizeof *all);
    parts->gain = parts->peak > 0 ? (float)(pow(10, PEAK_DB / 20.0) / (double)parts->peak) : 1;
    parts->written = 0;
    bsm_status status = bsm_sample_spool_rewind(parts->spool, error);
    while (!status && count > 0) {
        status = bsm_sample_spool_take(parts->spool, all, &count, error);
        if (!status) {
            status = write_files(parts, parts->converted, count, error);
        }
    }
    return status;
}

/* Write up to BLOCK samples of all parts, as far as there are samples of the input. */
static bsm_status write_block(bsm_parts *parts, float *const *audio, size_t count, bsm_error *error)
{
    count = bsm_sample_queue_pop(&parts->input, parts->original, count);
    return parts->spool ? keep(parts, audio, count, error)
                        : write_files(parts, audio, count, error);
}

/* Convert and write; an `audio` of NULL is the end of the separated signal. */
static bsm_status write_resampled(bsm_parts *parts, float *const *audio, size_t count,
                                  bsm_error *error)
{
    bsm_status status = BSM_OK;
    size_t done = 0, made = 0;
    do {
        float *at[MAX_PLANES];
        size_t used = 0;
        if (audio) {
            bsm_planes_at(audio, parts->planes, done, at);
        }
        status = bsm_resampler_process(parts->resampler, audio ? (const float *const *)at : NULL,
                                       count - done, &used, parts->converted, BLOCK, &made, error);
        done += used;
        if (!status) {
            status = write_block(parts, parts->converted, made, error);
        }
    } while (!status && (done < count || made > 0));
    return status;
}

bsm_status bsm_parts_add(bsm_parts *parts, float *const *audio, size_t count, bsm_error *error)
{
    if (parts->resampler) {
        return write_resampled(parts, audio, count, error);
    }
    bsm_status status = BSM_OK;
    for (size_t done = 0; done < count && !status; done += BLOCK) {
        float *at[MAX_PLANES];
        bsm_planes_at(audio, parts->planes, done, at);
        status = write_block(parts, at, count - done < BLOCK ? count - done : BLOCK, error);
    }
    return status;
}

/* After rounding between the rates, the separated signal may be one sample too short. */
static bsm_status write_rest(bsm_parts *parts, bsm_error *error)
{
    for (size_t p = 0; p < parts->planes; p++) {
        memset(parts->converted[p], 0, BLOCK * sizeof(float));
    }
    bsm_status status = BSM_OK;
    uint64_t before;
    do {
        before = parts->written;
        status = write_block(parts, parts->converted, BLOCK, error);
    } while (!status && parts->written > before);
    return status;
}

bsm_status bsm_parts_finish(bsm_parts *parts, bsm_error *error)
{
    bsm_status status = parts->resampler ? write_resampled(parts, NULL, 0, error) : BSM_OK;
    if (!status) {
        status = write_rest(parts, error);
    }
    if (!status && parts->written == 0) {
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: nothing of it can be decoded", parts->path);
    }
    if (!status && parts->spool) {
        status = write_kept(parts, error);
    }
    if (!status) {
        status = bsm_output_files_publish(&parts->files, error);
        *parts->output_failed |= status != BSM_OK;
    }
    return status;
}

bsm_sample_queue *bsm_parts_input(bsm_parts *parts)
{
    return &parts->input;
}

size_t bsm_parts_count(const bsm_parts *parts)
{
    return parts->files.count;
}

uint64_t bsm_parts_written(const bsm_parts *parts)
{
    return parts->written;
}

void bsm_parts_report(const bsm_parts *parts, bsm_separate_result *result)
{
    result->num_outputs = parts->files.count;
    for (size_t i = 0; i < parts->files.count; i++) {
        memcpy(result->outputs[i], parts->files.paths[i], BSM_MAX_PATH);
        result->clipped_samples += bsm_audio_writer_clipped(parts->files.writers[i]);
    }
}
