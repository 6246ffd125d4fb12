/* SPDX-License-Identifier: ISC */
/* Separating a long signal in the blocks of a stream. */
#include "separate/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "net/stem_spectra.h"
#include "separate/expander.h"
#include "signal/frame_source.h"
#include "signal/overlap_add.h"
#include "signal/planes.h"

enum { MAX_PLANES = BSM_MAX_STEMS * BSM_MAX_CHANNELS };

struct bsm_blocks {
    bsm_separation separation;
    bsm_block_shape shape;
    size_t capacity; /* samples per plane of `out` */
    size_t past;     /* frames in `spectrum` that are committed, kept as history ... */
    size_t have;     /* ... and behind them those that are not */
    size_t skip;     /* samples still to come from before the signal's start */
    uint64_t given;  /* samples of the result so far */
    bool ended;
    bsm_expander *expander; /* NULL: none */
    bsm_frame_source *source;
    float *spectrum; /* room for whole_block() frames */
    bsm_stem_spectra spectra;
    float **sound; /* [channel]: in place of both, if the separator takes sound, the samples of as
                      many frames ... */
    float **sums;  /* ... and, for each plane of the result, the sum of the committed ones */
    float *const *stem_sums[BSM_MAX_STEMS];      /* in `sums`; NULL for a stem that is not wanted */
    bsm_overlap_add *overlap_add[BSM_MAX_STEMS]; /* NULL for a stem that is not wanted */
    float **out;                                 /* [plane][capacity] */
    float *out_at[MAX_PLANES];                   /* where the result starts in `out` */
};

static size_t whole_block(const bsm_blocks *b)
{
    return b->shape.history + b->shape.commit + b->shape.lookahead;
}

/* Samples that `frames` frames cover. */
static size_t covered(const bsm_blocks *b, size_t frames)
{
    const bsm_config *config = b->separation.config;
    return (frames - 1) * config->hop + config->n_fft;
}

static bool allocate_spectra(bsm_blocks *b)
{
    size_t separated = b->shape.history ? whole_block(b) : b->shape.commit;
    b->spectrum = bsm_spectrum_new(b->separation.config, whole_block(b));
    return bsm_stem_spectra_allocate(&b->spectra, &b->separation, separated) && b->spectrum;
}

static bool allocate_sound(bsm_blocks *b)
{
    const bsm_config *config = b->separation.config;
    b->sound = bsm_planes_new(config->channels, covered(b, whole_block(b)));
    b->sums = bsm_planes_new(bsm_separation_planes(&b->separation), covered(b, b->shape.commit));
    float *const *planes = b->sums;
    for (size_t s = 0; s < config->num_stems && planes; s++) {
        if (b->separation.wanted[s]) {
            b->stem_sums[s] = planes;
            planes += config->channels;
        }
    }
    return b->sound && b->sums;
}

static bsm_status allocate(bsm_blocks *b, bsm_error *error)
{
    const bsm_config *config = b->separation.config;
    b->capacity = b->shape.commit * config->hop + config->n_fft;
    b->out = bsm_planes_new(bsm_separation_planes(&b->separation), b->capacity);
    if (!(b->separation.separator.sound ? allocate_sound(b) : allocate_spectra(b)) || !b->out) {
        return bsm_fail(error, BSM_NO_MEMORY, "blocks of %zu frames: out of memory",
                        whole_block(b));
    }
    bsm_status status = bsm_frame_source_new(config, b->separation.signal, &b->source, error);
    for (size_t s = 0; s < config->num_stems && !status; s++) {
        if (b->separation.wanted[s]) {
            status = bsm_overlap_add_new(config->n_fft, config->hop, config->channels,
                                         &b->overlap_add[s], error);
        }
    }
    return status;
}

bsm_status bsm_blocks_new(const bsm_separation *separation, const bsm_block_shape *shape,
                          bsm_blocks **blocks, bsm_error *error)
{
    *blocks = NULL;
    bsm_blocks *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "blocks of frames: out of memory");
    }
    made->separation = *separation;
    made->shape = *shape;
    made->skip = separation->config->n_fft / 2;
    bsm_status status = bsm_expander_new(&made->separation, &made->expander, error);
    if (!status) {
        status = allocate(made, error);
    }
    if (status) {
        bsm_blocks_free(made);
        return status;
    }
    separation->separator.reset(separation->separator.user);
    *blocks = made;
    return BSM_OK;
}

void bsm_blocks_free(bsm_blocks *b)
{
    if (b) {
        for (size_t s = 0; s < BSM_MAX_STEMS; s++) {
            bsm_overlap_add_free(b->overlap_add[s]);
        }
        bsm_frame_source_free(b->source);
        bsm_expander_free(b->expander);
        bsm_stem_spectra_clear(&b->spectra);
        free(b->spectrum);
        free(b->sound);
        free(b->sums);
        free(b->out);
        free(b);
    }
}

static bsm_status next_frame(bsm_blocks *b, bool *got, bsm_error *error)
{
    const bsm_config *config = b->separation.config;
    const size_t frame = b->past + b->have;
    if (b->sound) {
        float *at[BSM_MAX_CHANNELS];
        bsm_planes_at(b->sound, config->channels, frame * config->hop, at);
        return bsm_frame_source_next_sound(b->source, at, got, error);
    }
    return bsm_frame_source_next(b->source, b->spectrum + frame * bsm_config_features(config), got,
                                 error);
}

static bsm_status fill(bsm_blocks *b, bsm_error *error)
{
    bsm_status status = BSM_OK;
    bool got = true;
    while (b->have < b->shape.commit + b->shape.lookahead && got && !status) {
        status = next_frame(b, &got, error);
        b->have += got;
    }
    return status;
}

static void push_spectra(bsm_blocks *b, size_t stem, size_t frames, float *const *planes)
{
    const bsm_config *config = b->separation.config;
    const size_t first = b->shape.history ? b->past : 0;
    float *at[BSM_MAX_CHANNELS];
    for (size_t f = 0; f < frames; f++) {
        bsm_planes_at(planes, config->channels, f * config->hop, at);
        bsm_overlap_add_push(b->overlap_add[stem],
                             b->spectra.stems[stem] + (first + f) * bsm_config_features(config),
                             at);
    }
}

/* Push `frames` separated frames, or none and the end, through the overlap-add. */
static void synthesise(bsm_blocks *b, size_t frames)
{
    const bsm_config *config = b->separation.config;
    float **planes = b->out;
    for (size_t s = 0; s < config->num_stems; s++) {
        if (!b->separation.wanted[s]) {
            continue;
        }
        if (frames == 0) {
            bsm_overlap_add_finish(b->overlap_add[s], planes);
        } else if (b->sound) {
            bsm_overlap_add_push_sums(b->overlap_add[s], b->stem_sums[s], frames, planes);
        } else {
            push_spectra(b, s, frames, planes);
        }
        planes += config->channels;
    }
}

/* Leave out what lies before the signal. */
static size_t skip_start(bsm_blocks *b, size_t count)
{
    const size_t skip = b->skip < count ? b->skip : count;
    b->skip -= skip;
    bsm_planes_at(b->out, bsm_separation_planes(&b->separation), skip, b->out_at);
    return count - skip;
}

static bsm_status separate_sound(bsm_blocks *b, size_t commit, bsm_error *error)
{
    const bsm_separator *s = &b->separation.separator;
    const bsm_block block = {.frames = b->past + b->have,
                             .wanted = b->past + commit,
                             .commit = b->shape.history ? 0 : commit};
    const bsm_sound sound = {
        .audio = (const float *const *)b->sound, .first = b->past, .stems = b->stem_sums};
    return s->sound(s->user, &block, &sound, error);
}

static bsm_status separate(bsm_blocks *b, size_t commit, bsm_error *error)
{
    const bsm_separator *s = &b->separation.separator;
    if (b->sound) {
        return separate_sound(b, commit, error);
    }
    return b->shape.history
               ? s->forward(s->user, b->spectrum, b->past + b->have, b->spectra.stems, error)
               : s->stream(s->user, b->spectrum, b->have, commit, b->spectra.stems, error);
}

/* Frames that have been separated become history, and the oldest of it goes. */
static void advance(bsm_blocks *b, size_t commit)
{
    const bsm_config *config = b->separation.config;
    const size_t features = bsm_config_features(config);
    const size_t past = b->past + commit;
    const size_t kept = past < b->shape.history ? past : b->shape.history;
    b->have -= commit;
    b->past = kept;
    const size_t gone = past - kept, left = kept + b->have;
    if (!b->sound) {
        memmove(b->spectrum, b->spectrum + gone * features, left * features * sizeof(float));
    }
    for (size_t c = 0; b->sound && left > 0 && c < config->channels; c++) {
        memmove(b->sound[c], b->sound[c] + gone * config->hop, covered(b, left) * sizeof(float));
    }
}

static bsm_status next_block(bsm_blocks *b, size_t *count, bsm_error *error)
{
    const bsm_separation *s = &b->separation;
    const size_t commit = b->have < b->shape.commit ? b->have : b->shape.commit;
    bsm_status status = separate(b, commit, error);
    if (status) {
        return status;
    }
    synthesise(b, commit);
    advance(b, commit);
    const uint64_t left = bsm_frame_source_length(b->source) - b->given;
    *count = skip_start(b, commit * s->config->hop);
    *count = left < *count ? (size_t)left : *count; /* a hop over n_fft / 2 may pass the end */
    return BSM_OK;
}

/* What the last frames leave behind, or silence, up to the signal's length. */
static void last_samples(bsm_blocks *b, size_t *count)
{
    const size_t tail = b->separation.config->n_fft - b->separation.config->hop;
    for (size_t p = 0; p < bsm_separation_planes(&b->separation); p++) {
        memset(b->out[p], 0, b->capacity * sizeof(float));
    }
    synthesise(b, 0);
    skip_start(b, tail);
    *count = (size_t)(bsm_frame_source_length(b->source) - b->given);
    b->ended = true;
}

bsm_status bsm_blocks_next(bsm_blocks *b, float *const **audio, size_t *count, bsm_error *error)
{
    *audio = b->out_at;
    *count = 0;
    bsm_status status = BSM_OK;
    while (*count == 0 && !b->ended && !status) {
        status = fill(b, error);
        if (!status && b->have > 0) {
            status = next_block(b, count, error);
        } else if (!status) {
            last_samples(b, count);
        }
    }
    if (b->expander) {
        bsm_expander_apply(b->expander, b->out_at, *count);
    }
    b->given += *count;
    return status;
}
