/* SPDX-License-Identifier: ISC */
/* Separates a long signal in windows that overlap. */
#include "separate/separation.h"

#include <stdlib.h>
#include <string.h>

#include "signal/signal.h"

enum { MAX_PLANES = BSM_MAX_STEMS * BSM_MAX_CHANNELS };
/* samples that are joined at a time, so that they stay in the first-level cache */
enum { BLOCK = 2048 };

struct bsm_windows {
    bsm_separation separation;
    size_t length, step;
    size_t have; /* samples waiting in `input` */
    bool ended;
    bsm_expander *expander; /* NULL: none */
    bsm_window *window;     /* of one lane */
    float **input;  /* [channel][length + 1]: one sample more than a window, to notice the end */
    float **part;   /* [config->channels][BLOCK]: part of a separated window of one lane */
    float **sums;   /* [plane][length]: earlier windows times their fades ... */
    float *weights; /* [length]: ... and the sum of these fades ... */
    size_t shared;  /* ... for the samples of the next window that earlier ones reach */
    float **out;    /* [plane][length, and the samples that wait in the expander] */
    float *out_at[MAX_PLANES]; /* where the result starts in `out` */
    float *fade;               /* [length]: the weight of each sample of a window */
};

/* The fade is a trapezoid: over the samples that two neighbours share, or over half of the window
 * if they share more, it rises linearly from 0 to 1, and falls so at the end. Sums are divided by
 * the sum of the fades, so that the first and the last window are not faded at the signal's
 * ends. */
static void set_fade(bsm_windows *w)
{
    const size_t shared = w->length - w->step;
    const double ramp = (double)(shared < w->length / 2 ? shared : w->length / 2);
    for (size_t i = 0; i < w->length; i++) {
        size_t edge = i < w->length - 1 - i ? i : w->length - 1 - i;
        double height = ((double)edge + 0.5) / (ramp > 0 ? ramp : 0.5);
        w->fade[i] = height < 1 ? (float)height : 1.0F;
    }
}

static bool allocate(bsm_windows *w)
{
    const size_t planes = bsm_separation_planes(&w->separation);
    w->input = bsm_planes_new(bsm_separation_channels(&w->separation), w->length + 1);
    w->part = bsm_planes_new(w->separation.config->channels, BLOCK);
    w->sums = bsm_planes_new(planes, w->length);
    w->out = bsm_planes_new(planes, w->length + bsm_expander_delay(w->separation.config));
    w->fade = calloc(w->length, sizeof(float));
    w->weights = calloc(w->length, sizeof(float));
    return w->input && w->part && w->sums && w->out && w->fade && w->weights;
}

bsm_status bsm_windows_new(const bsm_separation *separation, size_t length, size_t step,
                           bsm_windows **windows, bsm_error *error)
{
    *windows = NULL;
    bsm_windows *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "window of %zu samples: out of memory", length);
    }
    made->separation = *separation;
    made->length = length;
    made->step = step;
    bsm_status status = bsm_expander_new(&made->separation, &made->expander, error);
    if (!status) {
        status = bsm_window_new(&made->separation, length, &made->window, error);
    }
    if (!status && !allocate(made)) {
        status = bsm_fail(error, BSM_NO_MEMORY, "window of %zu samples: out of memory", length);
    }
    if (status) {
        bsm_windows_free(made);
        return status;
    }
    set_fade(made);
    *windows = made;
    return BSM_OK;
}

void bsm_windows_free(bsm_windows *w)
{
    if (w) {
        bsm_expander_free(w->expander);
        bsm_window_free(w->window);
        free(w->input);
        free(w->part);
        free(w->sums);
        free(w->out);
        free(w->fade);
        free(w->weights);
        free(w);
    }
}

/* Read until there are a window and one sample more, or the signal ends. */
static bsm_status fill(bsm_windows *w, bsm_error *error)
{
    const size_t channels = bsm_separation_channels(&w->separation);
    float *at[2 * BSM_MAX_CHANNELS];
    size_t got = 0;
    bsm_planes_at(w->input, channels, w->have, at);
    bsm_status status = w->separation.signal.read(w->separation.signal.user, at,
                                                  w->length + 1 - w->have, &got, error);
    w->have += got;
    for (size_t c = 0; c < channels && !status && w->have < w->length; c++) {
        memset(w->input[c] + w->have, 0, (w->length - w->have) * sizeof(float));
    }
    return status;
}

static void add_weights(bsm_windows *w)
{
    for (size_t i = 0; i < w->length; i++) {
        w->weights[i] = w->fade[i] + (i < w->shared ? w->weights[i] : 0);
    }
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Join samples `first` to `end` of a plane of a separated window with what earlier windows left.
 * Samples before `count` go to the output, those from there on are left for later windows. `part`
 * is overwritten. */
static void join(const bsm_windows *w, size_t plane, float *part, size_t first, size_t end,
                 size_t count)
{
    float *sums = w->sums[plane];
    const size_t shared = min(end, w->shared), given = min(end, count);
    for (size_t i = first; i < end; i++) {
        part[i - first] *= w->fade[i];
    }
    for (size_t i = first; i < shared; i++) {
        part[i - first] += sums[i];
    }
    for (size_t i = first; i < given; i++) {
        w->out[plane][i] = part[i - first] / w->weights[i];
    }
    for (size_t i = first > count ? first : count; i < end; i++) {
        sums[i - count] = part[i - first];
    }
}

/* Join one stem of a window with what earlier windows left. */
static void join_stem(bsm_windows *w, size_t stem, size_t plane, size_t count)
{
    for (size_t first = 0, end; first < w->length; first = end) {
        end = min(first + BLOCK, w->length);
        bsm_window_take(w->window, stem, first, end, w->part);
        for (size_t c = 0; c < w->separation.config->channels; c++) {
            join(w, plane + c, w->part[c], first, end, count);
        }
    }
}

/* Separate a lane's window, and output `count` samples of it. */
static bsm_status separate_lane(bsm_windows *w, size_t lane, size_t count, bsm_error *error)
{
    const bsm_separation *s = &w->separation;
    size_t plane = lane * s->config->channels;
    bsm_status status =
        bsm_window_separate(w->window, (const float *const *)w->input + plane, error);
    for (size_t stem = 0; stem < s->config->num_stems && !status; stem++) {
        if (s->wanted[stem]) {
            join_stem(w, stem, plane, count);
            plane += bsm_separation_channels(s);
        }
    }
    return status;
}

static void step_on(bsm_windows *w)
{
    w->have -= w->step;
    for (size_t c = 0; c < bsm_separation_channels(&w->separation); c++) {
        memmove(w->input[c], w->input[c] + w->step, w->have * sizeof(float));
    }
}

/* Get the next window's part of the result. */
static bsm_status next_window(bsm_windows *w, size_t *count, bsm_error *error)
{
    bsm_status status = fill(w, error);
    w->ended = w->have <= w->length;
    *count = w->ended ? w->have : w->step;
    add_weights(w);
    for (size_t lane = 0; lane < w->separation.lanes && w->have > 0 && !status; lane++) {
        status = separate_lane(w, lane, *count, error);
    }
    if (status) {
        return status;
    }
    w->shared = w->length - *count;
    memmove(w->weights, w->weights + *count, w->shared * sizeof(float));
    if (!w->ended) {
        step_on(w);
    }
    return BSM_OK;
}

bsm_status bsm_windows_next(bsm_windows *w, float *const **audio, size_t *count, bsm_error *error)
{
    *audio = w->out_at;
    *count = 0;
    bsm_status status = BSM_OK;
    while (*count == 0 && !w->ended && !status) {
        status = next_window(w, count, error);
        bsm_planes_at(w->out, bsm_separation_planes(&w->separation), 0, w->out_at);
        if (!status && w->expander) {
            *count = bsm_expander_apply(w->expander, w->out, *count, w->ended, w->out_at);
        }
    }
    *count = status ? 0 : *count;
    return status;
}
