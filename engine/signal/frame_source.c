/* SPDX-License-Identifier: ISC */
/* Yields the frames of the centred transform of a signal of unknown length, one by one.
 *
 * `history` holds samples `base` to `base + have` of the signal. A frame needs the samples that it
 * covers; those before the first sample and after the last one are reflections. Since a frame's
 * centre lies within the signal or right after its end, a reflection at the end reaches back at
 * most two samples further than the frame itself. */
#include "signal/frames.h"

#include <stdlib.h>
#include <string.h>

#include "signal/signal.h"

enum { REFLECTED_BACK = 2 };

struct bsm_frame_source {
    size_t n_fft, hop, channels, capacity;
    bsm_signal signal;
    uint64_t base, frame; /* the next frame's number */
    size_t have;
    bool ended;
    float **history; /* [channel][capacity] */
    float **edge;    /* [channel][n_fft] */
};

bsm_status bsm_frame_source_new(const bsm_config *config, bsm_signal signal,
                                bsm_frame_source **source, bsm_error *error)
{
    *source = NULL;
    bsm_frame_source *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "frames of a signal: out of memory");
    }
    *made = (bsm_frame_source){.n_fft = config->n_fft,
                               .hop = config->hop,
                               .channels = config->channels,
                               .capacity = 2 * config->n_fft + 2 * REFLECTED_BACK,
                               .signal = signal};
    made->history = bsm_planes_new(made->channels, made->capacity);
    made->edge = bsm_planes_new(made->channels, made->n_fft);
    if (!made->history || !made->edge) {
        bsm_frame_source_free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "frames of a signal: out of memory");
    }
    *source = made;
    return BSM_OK;
}

void bsm_frame_source_free(bsm_frame_source *source)
{
    if (source) {
        free(source->history);
        free(source->edge);
        free(source);
    }
}

uint64_t bsm_frame_source_length(const bsm_frame_source *source)
{
    return source->ended ? source->base + source->have : UINT64_MAX;
}

/* Drop samples that neither this frame nor a later one needs. */
static void forget(bsm_frame_source *source, int64_t start)
{
    int64_t needed = start - REFLECTED_BACK;
    if (needed <= (int64_t)source->base) {
        return;
    }
    size_t drop = (size_t)(needed - (int64_t)source->base);
    drop = drop < source->have ? drop : source->have;
    source->have -= drop;
    source->base += drop;
    for (size_t c = 0; c < source->channels; c++) {
        float *plane = source->history[c];
        memmove(plane, plane + drop, source->have * sizeof *plane);
    }
}

/* Read until the history reaches the end of a frame, or the signal ends; no more than that,
 * because the samples of a live signal take time to arrive. */
static bsm_status fill(bsm_frame_source *source, int64_t start, bsm_error *error)
{
    bsm_status status = BSM_OK;
    /* The reflection at the signal's start may need one sample more. */
    const int64_t end = start + (int64_t)source->n_fft + 1;
    if (end > (int64_t)(source->base + source->have)) {
        forget(source, start);
    }
    while (!status && !source->ended && end > (int64_t)(source->base + source->have)) {
        float *at[BSM_MAX_CHANNELS];
        size_t missing = (size_t)(end - (int64_t)(source->base + source->have)), got = 0;
        bsm_planes_at(source->history, source->channels, source->have, at);
        status = source->signal.read(source->signal.user, at, missing, &got, error);
        source->have += got;
        source->ended = got < missing;
    }
    return status;
}

/* Return a frame's samples: inside the history or, at an end of the signal, assembled in `edge`. */
static void find_samples(bsm_frame_source *source, int64_t start, float **at)
{
    /* the signal's length as far as it is known */
    const uint64_t length = source->base + source->have;
    if (start >= 0 && (uint64_t)start + source->n_fft <= length) {
        bsm_planes_at(source->history, source->channels, (size_t)((uint64_t)start - source->base),
                      at);
        return;
    }
    bsm_planes_at(source->edge, source->channels, 0, at);
    for (size_t i = 0; i < source->n_fft; i++) {
        size_t from = bsm_frame_reflect((ptrdiff_t)start + (ptrdiff_t)i, (size_t)length);
        for (size_t c = 0; c < source->channels; c++) {
            at[c][i] = source->history[c][from - source->base];
        }
    }
}

bsm_status bsm_frame_source_next(bsm_frame_source *source, float *const *audio, bool *got,
                                 bsm_error *error)
{
    const int64_t centre = (int64_t)(source->frame * source->hop);
    const int64_t start = centre - (int64_t)(source->n_fft / 2);
    bsm_status status = fill(source, start, error);
    const uint64_t length = source->base + source->have;
    *got = !status && length > 0 && centre <= (int64_t)length;
    if (*got) {
        float *at[BSM_MAX_CHANNELS];
        find_samples(source, start, at);
        for (size_t c = 0; c < source->channels; c++) {
            memcpy(audio[c], at[c], source->n_fft * sizeof(float));
        }
        source->frame++;
    }
    return status;
}
