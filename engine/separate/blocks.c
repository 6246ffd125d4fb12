/* SPDX-License-Identifier: ISC */
/* Separates a long signal in the blocks of a stream. */
#include "separate/separation.h"

#include <stdlib.h>
#include <string.h>

#include "signal/frames.h"
#include "signal/signal.h"

enum { MAX_PLANES = BSM_MAX_STEMS * BSM_MAX_CHANNELS };

struct bsm_blocks {
    bsm_separation separation;
    bsm_block_shape shape;
    size_t capacity; /* samples per plane of `out` */
    size_t past;     /* frames in `audio` that are committed and kept as history ... */
    size_t have;     /* ... and after them those that are not committed yet */
    size_t shared;   /* how many of both, from the first on, were also in the last block */
    size_t skip;     /* samples before the signal's start that are still to be dropped */
    uint64_t given;  /* samples that have been separated so far */
    bool ended;
    bsm_expander *expander; /* NULL: none */
    bsm_frame_source *source;
    float **audio;                /* [channel]: the samples of whole_block() frames */
    bsm_overlap_add *overlap_add; /* of all planes of the result */
    /* the sums to add a stem to; NULL for a stem that is not wanted */
    float *const *stems[BSM_MAX_STEMS];
    float **out;               /* [plane][capacity] */
    float *out_at[MAX_PLANES]; /* where the result starts in `out` */
};

static size_t whole_block(const bsm_blocks *b)
{
    return b->shape.history + b->shape.commit + b->shape.lookahead;
}

static bsm_status allocate(bsm_blocks *b, bsm_error *error)
{
    const bsm_config *config = b->separation.config;
    const size_t planes = bsm_separation_planes(&b->separation);
    b->capacity = b->shape.commit * config->hop + config->n_fft + bsm_expander_delay(config);
    b->audio = bsm_planes_new(config->channels, bsm_separation_covered(config, whole_block(b)));
    b->out = bsm_planes_new(planes, b->capacity);
    if (!b->audio || !b->out) {
        return bsm_fail(error, BSM_NO_MEMORY, "blocks of %zu frames: out of memory",
                        whole_block(b));
    }
    bsm_status status = bsm_overlap_add_new(config->n_fft, config->hop, planes, b->shape.commit,
                                            bsm_frame_least_norm(config->n_fft, config->hop),
                                            &b->overlap_add, error);
    if (!status) {
        bsm_separation_stems(&b->separation, bsm_overlap_add_sums(b->overlap_add), b->stems);
        status = bsm_frame_source_new(config, b->separation.signal, &b->source, error);
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
        bsm_overlap_add_free(b->overlap_add);
        bsm_frame_source_free(b->source);
        bsm_expander_free(b->expander);
        free(b->audio);
        free(b->out);
        free(b);
    }
}

static bsm_status fill(bsm_blocks *b, bsm_error *error)
{
    const bsm_config *config = b->separation.config;
    bsm_status status = BSM_OK;
    bool got = true;
    while (b->have < b->shape.commit + b->shape.lookahead && got && !status) {
        float *at[BSM_MAX_CHANNELS];
        bsm_planes_at(b->audio, config->channels, (b->past + b->have) * config->hop, at);
        status = bsm_frame_source_next(b->source, at, &got, error);
        b->have += got;
    }
    return status;
}

/* Drop samples that lie before the signal. */
static size_t skip_start(bsm_blocks *b, size_t count)
{
    const size_t skip = b->skip < count ? b->skip : count;
    b->skip -= skip;
    bsm_planes_at(b->out, bsm_separation_planes(&b->separation), skip, b->out_at);
    return count - skip;
}

static bsm_status separate(const bsm_blocks *b, size_t commit, bsm_error *error)
{
    const bsm_separator *s = &b->separation.separator;
    const bsm_block block = {.frames = b->past + b->have,
                             .wanted = b->past + commit,
                             .first = b->past,
                             .commit = b->shape.history ? 0 : commit,
                             .shared = b->shared,
                             .audio = (const float *const *)b->audio,
                             .stems = b->stems};
    return s->run(s->user, &block, error);
}

/* Frames that have been separated become history, and the oldest history is dropped. */
static void advance(bsm_blocks *b, size_t commit)
{
    const bsm_config *config = b->separation.config;
    const size_t past = b->past + commit;
    const size_t kept = past < b->shape.history ? past : b->shape.history;
    b->have -= commit;
    b->past = kept;
    b->shared = kept + b->have;
    for (size_t c = 0; b->shared > 0 && c < config->channels; c++) {
        memmove(b->audio[c], b->audio[c] + (past - kept) * config->hop,
                bsm_separation_covered(config, b->shared) * sizeof(float));
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
    bsm_overlap_add_take(b->overlap_add, commit, b->out);
    advance(b, commit);
    const uint64_t left = bsm_frame_source_length(b->source) - b->given;
    *count = skip_start(b, commit * s->config->hop);
    /* with hop > n_fft / 2 it may lie past the end */
    *count = left < *count ? (size_t)left : *count;
    return BSM_OK;
}

/* Yield what the last frames contribute after their hop, or silence, up to the signal's length. */
static void last_samples(bsm_blocks *b, size_t *count)
{
    const size_t tail = b->separation.config->n_fft - b->separation.config->hop;
    for (size_t p = 0; p < bsm_separation_planes(&b->separation); p++) {
        memset(b->out[p], 0, b->capacity * sizeof(float));
    }
    bsm_overlap_add_finish(b->overlap_add, b->out);
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
        b->given += *count;
        if (!status && b->expander) {
            *count = bsm_expander_apply(b->expander, b->out_at, *count, b->ended, b->out_at);
        }
    }
    return status;
}
