/* SPDX-License-Identifier: ISC */
/* Makes one example. */
#include "data/mix.h"

#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "signal/signal.h"
#include <math.h>

/* ---- How loud a source is ---- */

typedef struct mix_source {
    float **audio; /* [channels][samples] */
    bool target;   /* one of the stems that the model separates */
    bool silent;   /* it is left out of this example */
    double gain;   /* to be applied by sum_sources */
} mix_source;

static const double max_gain = 20; /* in dB, of the target beyond its own loudness factor */
/* mean square: anything below, at -100 dB, counts as silence */
static const double least_energy = 1e-10;

/* Compute the mean squares of the sum of the targets and of the sum of the others. */
static void measure(const mix_source *sources, size_t count, size_t channels, size_t samples,
                    double *target, double *others)
{
    *target = *others = 0;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < samples; i++) {
            double sum[2] = {0, 0};
            for (size_t s = 0; s < count; s++) {
                sum[sources[s].target] += sources[s].gain * (double)sources[s].audio[c][i];
            }
            *target += sum[true] * sum[true];
            *others += sum[false] * sum[false];
        }
    }
    *target /= (double)(channels * samples);
    *others /= (double)(channels * samples);
}

/* Change the targets' gains so that the energy of their sum is `level` dB above that of the sum of
 * the others. They are raised by at most 20 dB, because something quieter is a breath or a codec's
 * noise, which would be neither voice nor music if it were loud. Nothing changes if either sum is
 * silent. */
static void set_level(mix_source *sources, size_t count, size_t channels, size_t samples,
                      double level)
{
    double target, others;
    measure(sources, count, channels, samples, &target, &others);
    if (target < least_energy || others < least_energy) {
        return;
    }
    const double change = fmin(level - 10 * log10(target / others), max_gain);
    for (size_t s = 0; s < count; s++) {
        if (sources[s].target) {
            sources[s].gain *= pow(10, change / 20);
        }
    }
}

static void scale(const mix_source *source, size_t channels, size_t samples, float gain)
{
    for (size_t c = 0; c < channels && !source->silent; c++) {
        for (size_t i = 0; i < samples; i++) {
            source->audio[c][i] *= gain;
        }
    }
}

/* Add up the mixture; returns its peak. */
static float add_up(const mix_source *sources, size_t count, size_t channels, size_t samples,
                    float *const *mixture)
{
    float peak = 0;
    for (size_t c = 0; c < channels; c++) {
        memset(mixture[c], 0, samples * sizeof(float));
        for (size_t s = 0; s < count; s++) {
            for (size_t i = 0; i < samples && !sources[s].silent; i++) {
                mixture[c][i] += sources[s].audio[c][i];
            }
        }
        for (size_t i = 0; i < samples; i++) {
            peak = fmaxf(peak, fabsf(mixture[c][i]));
        }
    }
    return peak;
}

/* Apply the gains and add the sources up in their order. If the sum's peak exceeds 1, all are
 * attenuated together, so that nothing clips. `mixture` is exactly the sum. */
static void sum_sources(const mix_source *sources, size_t count, size_t channels, size_t samples,
                        float *const *mixture)
{
    for (size_t s = 0; s < count; s++) {
        scale(&sources[s], channels, samples, (float)sources[s].gain);
    }
    const float peak = add_up(sources, count, channels, samples, mixture);
    if (peak > 1) {
        for (size_t s = 0; s < count; s++) {
            scale(&sources[s], channels, samples, 1 / peak);
        }
        add_up(sources, count, channels, samples, mixture);
    }
}

enum {
    MAX_ATTEMPTS = 1000,       /* attempts to draw files that can be read */
    MAX_SILENT_PATTERNS = 100, /* attempts to draw an example in which anything is active */
};

/* The purposes of random streams. Never change a number, because every seed would then give other
 * examples. */
enum { SILENCE, TRACKS, AUGMENTATION, LOUDNESS, LEVEL };

/** One source of an example. */
typedef struct drawn_source {
    bool silent;
    bsm_clip *clip;
    double start; /* in seconds */
    double speed;
} drawn_source;

struct bsm_mixer {
    bsm_mix_options options;
    size_t num_sources;
    double seconds; /* of an example */
    bsm_clip_reader *reader;
    drawn_source *drawn; /* per source */
    size_t *stem;        /* per source: its index among the model's stems, or num_stems */
    float ***own;        /* per source that is not a stem: its planes */
    mix_source *sources;
    float **scratch;
};

/* ---- Memory ---- */

bsm_example *bsm_example_new(const bsm_config *model, size_t samples)
{
    bsm_example *example = calloc(1, sizeof *example);
    if (!example) {
        return NULL;
    }
    example->mixture = bsm_planes_new(model->channels, samples);
    example->stems = calloc(model->num_stems, sizeof *example->stems);
    bool complete = example->mixture && example->stems;
    for (size_t s = 0; complete && s < model->num_stems; s++) {
        example->stems[s] = bsm_planes_new(model->channels, samples);
        complete = example->stems[s];
    }
    if (!complete) {
        bsm_example_free(example, model);
        return NULL;
    }
    return example;
}

void bsm_example_free(bsm_example *example, const bsm_config *model)
{
    if (example) {
        for (size_t s = 0; example->stems && s < model->num_stems; s++) {
            free(example->stems[s]);
        }
        free(example->stems);
        free(example->mixture);
        free(example);
    }
}

static bool allocate(bsm_mixer *m)
{
    const bsm_config *model = m->options.model;
    m->drawn = calloc(m->num_sources, sizeof *m->drawn);
    m->stem = calloc(m->num_sources, sizeof *m->stem);
    m->own = calloc(m->num_sources, sizeof *m->own);
    m->sources = calloc(m->num_sources, sizeof *m->sources);
    m->scratch = bsm_planes_new(model->channels, m->options.samples);
    bool complete = m->drawn && m->stem && m->own && m->sources && m->scratch;
    for (size_t s = 0; complete && s < m->num_sources; s++) {
        const char *name = m->options.data->sources[s];
        while (m->stem[s] < model->num_stems && strcmp(model->stems[m->stem[s]], name) != 0) {
            m->stem[s]++;
        }
        if (m->stem[s] == model->num_stems) {
            m->own[s] = bsm_planes_new(model->channels, m->options.samples);
            complete = m->own[s];
        }
        m->sources[s].target = m->stem[s] < model->num_stems;
    }
    return complete;
}

bsm_status bsm_mixer_new(const bsm_mix_options *options, bsm_mixer **mixer, bsm_error *error)
{
    *mixer = NULL;
    bsm_mixer *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "mixer of training data: out of memory");
    }
    made->options = *options;
    made->num_sources = options->data->num_sources;
    made->seconds = (double)options->samples / (double)options->model->sample_rate;
    bsm_status status = bsm_clip_reader_new(options->model->sample_rate, options->model->channels,
                                            made->num_sources, &made->reader, error);
    if (!status && !allocate(made)) {
        status = bsm_fail(error, BSM_NO_MEMORY, "mixer of training data: out of memory");
    }
    if (status) {
        bsm_mixer_free(made);
        return status;
    }
    *mixer = made;
    return BSM_OK;
}

void bsm_mixer_free(bsm_mixer *mixer)
{
    if (mixer) {
        for (size_t s = 0; mixer->own && s < mixer->num_sources; s++) {
            free(mixer->own[s]);
        }
        bsm_clip_reader_free(mixer->reader);
        free(mixer->drawn);
        free(mixer->stem);
        free(mixer->own);
        free(mixer->sources);
        free(mixer->scratch);
        free(mixer);
    }
}

/* ---- Drawing ---- */

/* Draw which sources are left out, again if it would be all of them. */
static void draw_silence(bsm_mixer *m, const bsm_random *example)
{
    bsm_random random = bsm_random_fork(example, SILENCE);
    bool sounds = false;
    for (size_t i = 0; i < MAX_SILENT_PATTERNS && !sounds; i++) {
        for (size_t s = 0; s < m->num_sources; s++) {
            const double *probability = m->options.data->silent_prob;
            m->drawn[s].silent = bsm_random_chance(&random, probability ? probability[s] : 0);
            sounds = sounds || !m->drawn[s].silent;
        }
    }
}

/* Draw a piece of a source from anywhere, perhaps at another speed. */
static void draw_piece(const bsm_mixer *m, size_t source, bsm_random *random,
                       const bsm_random *augmentation, drawn_source *drawn)
{
    drawn->clip = bsm_library_draw(m->options.library, source, random) + source;
    const bsm_activity *a = &drawn->clip->activity;
    const double length = (double)a->frames / (double)a->rate;
    const bsm_augmentation *changes = m->options.data->augmentations;
    drawn->speed = changes ? bsm_augment_draw_speed(&changes[source], augmentation) : 1;
    if (drawn->speed * m->seconds > length) { /* not more than the file has */
        drawn->speed = fmax(length / m->seconds, 1);
    }
    drawn->start =
        bsm_library_draw_start(m->options.library, drawn->clip, drawn->speed * m->seconds, random);
}

/* Draw a place for one source by itself. */
static void draw_alone(bsm_mixer *m, size_t source, const bsm_random *attempt,
                       const bsm_random *augmentation)
{
    bsm_random random = bsm_random_fork(attempt, 1 + source);
    draw_piece(m, source, &random, augmentation, &m->drawn[source]);
}

/* Take the sources of one track together, around a place where one of them is active. They keep
 * their pitch, which is also their time. Sources that the track lacks come from others. */
static void draw_together(bsm_mixer *m, const bsm_random *attempt, const bsm_random *augmentations)
{
    bsm_random random = bsm_random_fork(attempt, 0);
    bsm_clip *clips = bsm_library_draw_any(m->options.library, &random);
    size_t sounding = 0, chosen = 0;
    for (size_t s = 0; s < m->num_sources; s++) { /* chooses uniformly in one pass */
        if (bsm_clip_sounds(m->options.library, &clips[s]) &&
            bsm_random_below(&random, ++sounding) == 0) {
            chosen = s;
        }
    }
    const double start =
        bsm_library_draw_start(m->options.library, &clips[chosen], m->seconds, &random);
    for (size_t s = 0; s < m->num_sources; s++) {
        if (clips[s].path) {
            m->drawn[s].clip = &clips[s];
            m->drawn[s].start = start;
            m->drawn[s].speed = 1;
        } else {
            draw_alone(m, s, attempt, &augmentations[s]);
        }
    }
}

/* Fork a random stream for each source of this example. */
static void fork_augmentations(const bsm_mixer *m, const bsm_random *example, bsm_random *streams)
{
    const bsm_random all = bsm_random_fork(example, AUGMENTATION);
    for (size_t s = 0; s < m->num_sources; s++) {
        streams[s] = bsm_random_fork(&all, s);
    }
}

static void draw_clips(bsm_mixer *m, const bsm_random *example, size_t attempt,
                       const bsm_random *augmentations)
{
    const bsm_random all = bsm_random_fork(example, TRACKS);
    bsm_random random = bsm_random_fork(&all, attempt);
    if (bsm_random_chance(&random, m->options.data->random_mix)) {
        for (size_t s = 0; s < m->num_sources; s++) {
            draw_alone(m, s, &random, &augmentations[s]);
        }
    } else {
        draw_together(m, &random, augmentations);
    }
}

/* ---- Reading ---- */

/* A file that failed before is tried again: a damaged file may be good in this place, and the draw
 * must not depend on what other threads have seen. */
static bsm_status read_piece(bsm_mixer *m, const drawn_source *drawn, float *const *audio,
                             bsm_error *error)
{
    bsm_error cause = {0};
    bsm_status status = bsm_clip_reader_read(m->reader, drawn->clip, drawn->start, drawn->speed,
                                             audio, m->options.samples, &cause);
    if (status == BSM_NO_MEMORY) {
        return bsm_fail(error, status, "%s", cause.message);
    }
    if (status && !atomic_exchange(&drawn->clip->named, true)) {
        bsm_report_skipped(m->options.report, cause.message);
    }
    return status;
}

static bsm_status read_source(bsm_mixer *m, size_t source, bsm_error *error)
{
    const drawn_source *drawn = &m->drawn[source];
    float *const *audio = m->sources[source].audio;
    m->sources[source].silent = drawn->silent;
    if (!drawn->silent) {
        return read_piece(m, drawn, audio, error);
    }
    for (size_t c = 0; c < m->options.model->channels; c++) {
        memset(audio[c], 0, m->options.samples * sizeof(float));
    }
    return BSM_OK;
}

static bsm_status read_sources(bsm_mixer *m, const bsm_random *example,
                               const bsm_random *augmentations, bsm_error *error)
{
    for (size_t attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        draw_clips(m, example, attempt, augmentations);
        bsm_status status = BSM_OK;
        for (size_t s = 0; s < m->num_sources && !status; s++) {
            status = read_source(m, s, error);
        }
        if (!status || status == BSM_NO_MEMORY) {
            return status;
        }
    }
    return bsm_fail(error, BSM_NOT_FOUND,
                    "training data: in %d attempts no files were drawn that can be read",
                    MAX_ATTEMPTS);
}

/* ---- Mixing ---- */

/* A layer that cannot be read is left out. */
static bsm_status add_layers(bsm_mixer *m, size_t source, const bsm_piece *piece,
                             const bsm_random *augmentation, bsm_error *error)
{
    bsm_random random;
    size_t layers =
        bsm_augment_draw_layers(&m->options.data->augmentations[source], augmentation, &random);
    for (; layers > 0; layers--) {
        const bsm_random own = bsm_random_fork(&random, layers);
        drawn_source layer;
        draw_piece(m, source, &random, &own, &layer);
        bsm_status status = read_piece(m, &layer, m->scratch, error);
        if (!status) {
            bsm_augment_layer(piece, &random);
        } else if (status == BSM_NO_MEMORY) {
            return status;
        }
    }
    return BSM_OK;
}

static bsm_status change_sources(bsm_mixer *m, const bsm_random *augmentations, bsm_error *error)
{
    const bsm_data_options *data = m->options.data;
    const bsm_config *model = m->options.model;
    bsm_status status = BSM_OK;
    for (size_t s = 0; data->augmentations && s < m->num_sources && !status; s++) {
        const bsm_piece piece = {m->sources[s].audio, model->channels, m->options.samples,
                                 model->sample_rate, m->scratch};
        if (!m->sources[s].silent) {
            status = add_layers(m, s, &piece, &augmentations[s], error);
            if (!status) {
                status = bsm_augment(&data->augmentations[s], &augmentations[s], &piece, error);
            }
        }
    }
    return status;
}

static void set_gains(bsm_mixer *m, const bsm_random *example)
{
    const bsm_data_options *data = m->options.data;
    const bsm_random all = bsm_random_fork(example, LOUDNESS);
    for (size_t s = 0; s < m->num_sources; s++) {
        bsm_random random = bsm_random_fork(&all, s);
        m->sources[s].gain = bsm_random_between(&random, data->loudness.low, data->loudness.high);
    }
    if (data->level.low <= data->level.high) {
        bsm_random random = bsm_random_fork(example, LEVEL);
        const double level = bsm_random_between(&random, data->level.low, data->level.high);
        set_level(m->sources, m->num_sources, m->options.model->channels, m->options.samples,
                  level);
    }
}

bsm_status bsm_mixer_make(bsm_mixer *mixer, uint64_t number, bsm_example *example, bsm_error *error)
{
    const bsm_random random = bsm_random_of(mixer->options.seed, number);
    bsm_random *augmentations = calloc(mixer->num_sources, sizeof *augmentations);
    if (!augmentations) {
        return bsm_fail(error, BSM_NO_MEMORY, "mixer of training data: out of memory");
    }
    for (size_t s = 0; s < mixer->num_sources; s++) {
        mixer->sources[s].audio = mixer->own[s] ? mixer->own[s] : example->stems[mixer->stem[s]];
    }
    example->number = number;
    fork_augmentations(mixer, &random, augmentations);
    draw_silence(mixer, &random);
    bsm_status status = read_sources(mixer, &random, augmentations, error);
    if (!status) {
        status = change_sources(mixer, augmentations, error);
    }
    if (!status) {
        set_gains(mixer, &random);
        sum_sources(mixer->sources, mixer->num_sources, mixer->options.model->channels,
                    mixer->options.samples, example->mixture);
    }
    free(augmentations);
    return status;
}
