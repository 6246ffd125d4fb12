/* SPDX-License-Identifier: ISC */
/* Separating a long signal in the blocks of a stream. */
#include "file/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "file/frame_source.h"
#include "file/planes.h"
#include "file/stem_spectra.h"
#include "signal/overlap_add.h"

enum { MAX_PLANES = BSM_MAX_STEMS * BSM_MAX_CHANNELS };

struct bsm_blocks {
    bsm_separation separation;
    size_t commit, lookahead, capacity; /* capacity: samples per plane of `out` */
    size_t have;                        /* frames waiting in `spectrum` */
    size_t skip;                        /* samples still to come from before the signal's start */
    uint64_t given;                     /* samples of the result so far */
    bool ended;
    bsm_frame_source *source;
    float *spectrum; /* commit + lookahead frames */
    bsm_stem_spectra spectra;
    bsm_overlap_add *overlap_add[BSM_MAX_STEMS]; /* NULL for a stem that is not wanted */
    float **out;                                 /* [plane][capacity] */
    float *out_at[MAX_PLANES];                   /* where the result starts in `out` */
};

static bsm_status allocate(bsm_blocks *b, bsm_error *error)
{
    const bsm_config *config = b->separation.config;
    b->capacity = b->commit * config->hop + config->n_fft;
    b->out = bsm_planes_new(bsm_separation_planes(&b->separation), b->capacity);
    b->spectrum = bsm_spectrum_new(config, b->commit + b->lookahead);
    if (!bsm_stem_spectra_allocate(&b->spectra, &b->separation, b->commit) || !b->out ||
        !b->spectrum) {
        return bsm_fail(error, BSM_NO_MEMORY, "blocks of %zu frames: out of memory",
                        b->commit + b->lookahead);
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

bsm_status bsm_blocks_new(const bsm_separation *separation, size_t commit, size_t lookahead,
                          bsm_blocks **blocks, bsm_error *error)
{
    *blocks = NULL;
    bsm_blocks *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "blocks of %zu frames: out of memory",
                        commit + lookahead);
    }
    made->separation = *separation;
    made->commit = commit;
    made->lookahead = lookahead;
    made->skip = separation->config->n_fft / 2;
    bsm_status status = allocate(made, error);
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
        bsm_stem_spectra_clear(&b->spectra);
        free(b->spectrum);
        free(b->out);
        free(b);
    }
}

static bsm_status fill(bsm_blocks *b, bsm_error *error)
{
    const size_t features = bsm_config_features(b->separation.config);
    bsm_status status = BSM_OK;
    bool got = true;
    while (b->have < b->commit + b->lookahead && got && !status) {
        status = bsm_frame_source_next(b->source, b->spectrum + b->have * features, &got, error);
        b->have += got;
    }
    return status;
}

/* Push `frames` separated frames, or none and the end, through the overlap-add. */
static void synthesise(bsm_blocks *b, size_t frames)
{
    const bsm_config *config = b->separation.config;
    const size_t features = bsm_config_features(config);
    float **planes = b->out;
    for (size_t s = 0; s < config->num_stems; s++) {
        float *at[BSM_MAX_CHANNELS];
        if (!b->separation.wanted[s]) {
            continue;
        }
        for (size_t f = 0; f < frames; f++) {
            bsm_planes_at(planes, config->channels, f * config->hop, at);
            bsm_overlap_add_push(b->overlap_add[s], b->spectra.stems[s] + f * features, at);
        }
        if (frames == 0) {
            bsm_overlap_add_finish(b->overlap_add[s], planes);
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

static bsm_status next_block(bsm_blocks *b, size_t *count, bsm_error *error)
{
    const bsm_separation *s = &b->separation;
    const size_t features = bsm_config_features(s->config);
    const size_t commit = b->have < b->commit ? b->have : b->commit;
    bsm_status status = s->separator.stream(s->separator.user, b->spectrum, b->have, commit,
                                            b->spectra.stems, error);
    if (status) {
        return status;
    }
    synthesise(b, commit);
    b->have -= commit;
    memmove(b->spectrum, b->spectrum + commit * features, b->have * features * sizeof(float));
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
    b->given += *count;
    return status;
}
