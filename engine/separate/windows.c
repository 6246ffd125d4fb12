/* SPDX-License-Identifier: ISC */
/* Separating a long signal in windows that overlap. */
#include "separate/windows.h"

#include <stdlib.h>
#include <string.h>

#include "bsm/stft.h"
#include "net/stem_spectra.h"
#include "separate/expander.h"
#include "separate/window_sound.h"
#include "signal/planes.h"

enum { BLOCK = 2048 }; /* samples that are joined at a time: they stay in the first cache */

struct bsm_windows {
    bsm_separation separation;
    size_t length, step;
    size_t have; /* samples waiting in `input` */
    bool ended;
    bsm_expander *expander; /* NULL: none */
    bsm_stft *stft;
    float *spectrum; /* of one lane */
    bsm_stem_spectra spectra;
    bsm_window_sound *sound; /* in place of these three, if the separator takes sound */
    float **input;  /* [channel][length + 1]: with one sample more than a window, to see the end */
    float **window; /* [config->channels][length]: a separated window of one lane */
    float **sums;   /* [plane][length]: earlier windows times their fades ... */
    float *weights; /* [length]: ... and the sums of these fades ... */
    size_t shared;  /* ... for as many samples as earlier windows reach into the next one */
    float **out;    /* [plane][length] */
    float *fade;    /* [length]: how much a window counts at each of its samples */
};

/* A trapezoid: over the samples that two neighbours share, or half of the window where that is
 * more, a straight line from 0 to 1 and back. Its sums are divided by the fades' own sum, so that
 * the first and the last window are not faded at the signal's ends. */
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
    w->window = bsm_planes_new(w->separation.config->channels, w->length);
    w->sums = bsm_planes_new(planes, w->length);
    w->out = bsm_planes_new(planes, w->length);
    w->fade = calloc(w->length, sizeof(float));
    w->weights = calloc(w->length, sizeof(float));
    return w->input && w->window && w->sums && w->out && w->fade && w->weights;
}

static bsm_status open_transform(bsm_windows *w, bsm_error *error)
{
    const bsm_config *config = w->separation.config;
    if (w->separation.separator.sound) {
        return bsm_window_sound_new(&w->separation, w->length, &w->sound, error);
    }
    bsm_status status = bsm_stft_new(config->n_fft, config->hop, config->channels, &w->stft, error);
    if (status) {
        return status;
    }
    const size_t frames = bsm_stft_frames(w->stft, w->length);
    w->spectrum = bsm_spectrum_new(config, frames);
    return bsm_stem_spectra_allocate(&w->spectra, &w->separation, frames) && w->spectrum
               ? BSM_OK
               : bsm_fail(error, BSM_NO_MEMORY, "window of %zu samples: out of memory", w->length);
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
        status = open_transform(made, error);
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
        bsm_stft_free(w->stft);
        bsm_window_sound_free(w->sound);
        bsm_stem_spectra_clear(&w->spectra);
        free(w->spectrum);
        free(w->input);
        free(w->window);
        free(w->sums);
        free(w->out);
        free(w->fade);
        free(w->weights);
        free(w);
    }
}

/* Read until there is a window and one sample more, or the signal ends. */
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

static bsm_status separate_window(bsm_windows *w, const float *const *audio, bsm_error *error)
{
    const bsm_separator *s = &w->separation.separator;
    if (w->sound) {
        return bsm_window_sound_separate(w->sound, audio, error);
    }
    bsm_stft_forward(w->stft, audio, w->length, w->spectrum);
    return s->forward(s->user, w->spectrum, bsm_stft_frames(w->stft, w->length), w->spectra.stems,
                      error);
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

/* Samples `first` to `end` of a plane of a separated window, which is scratch afterwards: with what
 * earlier windows left they are given out, or from sample `count` on left to later ones. */
static void join(const bsm_windows *w, size_t plane, float *window, size_t first, size_t end,
                 size_t count)
{
    float *sums = w->sums[plane];
    const size_t shared = min(end, w->shared), given = min(end, count);
    for (size_t i = first; i < end; i++) {
        window[i - first] *= w->fade[i];
    }
    for (size_t i = first; i < shared; i++) {
        window[i - first] += sums[i];
    }
    for (size_t i = first; i < given; i++) {
        w->out[plane][i] = window[i - first] / w->weights[i];
    }
    for (size_t i = first > count ? first : count; i < end; i++) {
        sums[i - count] = window[i - first];
    }
}

static void join_planes(const bsm_windows *w, size_t plane, size_t first, size_t end, size_t count)
{
    for (size_t c = 0; c < w->separation.config->channels; c++) {
        join(w, plane + c, w->window[c], first, end, count);
    }
}

/* Of one stem. */
static void take_window(bsm_windows *w, size_t stem, size_t plane, size_t count)
{
    if (!w->sound) {
        bsm_stft_inverse(w->stft, w->spectra.stems[stem], bsm_stft_frames(w->stft, w->length),
                         w->window, w->length);
        join_planes(w, plane, 0, w->length, count);
        return;
    }
    for (size_t first = 0, end; first < w->length; first = end) {
        end = min(first + BLOCK, w->length);
        bsm_window_sound_take(w->sound, stem, first, end, w->window);
        join_planes(w, plane, first, end, count);
    }
}

/* Separate a lane's window, and give out `count` samples of it. */
static bsm_status separate_lane(bsm_windows *w, size_t lane, size_t count, bsm_error *error)
{
    const bsm_separation *s = &w->separation;
    size_t plane = lane * s->config->channels;
    bsm_status status = separate_window(w, (const float *const *)w->input + plane, error);
    for (size_t stem = 0; stem < s->config->num_stems && !status; stem++) {
        if (s->wanted[stem]) {
            take_window(w, stem, plane, count);
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

bsm_status bsm_windows_next(bsm_windows *w, float *const **audio, size_t *count, bsm_error *error)
{
    *audio = w->out;
    *count = 0;
    bsm_status status = w->ended ? BSM_OK : fill(w, error);
    if (status || w->ended || w->have == 0) {
        return status;
    }
    w->ended = w->have <= w->length;
    *count = w->ended ? w->have : w->step;
    add_weights(w);
    for (size_t lane = 0; lane < w->separation.lanes && !status; lane++) {
        status = separate_lane(w, lane, *count, error);
    }
    if (status) {
        return status;
    }
    w->shared = w->length - *count;
    memmove(w->weights, w->weights + *count, w->shared * sizeof(float));
    if (w->expander) {
        bsm_expander_apply(w->expander, w->out, *count);
    }
    if (!w->ended) {
        step_on(w);
    }
    return BSM_OK;
}
