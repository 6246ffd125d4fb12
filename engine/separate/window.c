/* SPDX-License-Identifier: ISC */
/* Separates one window: adds the reflections at its ends, and divides by the sum of the squared
 * windows. */
#include "separate/separation.h"

#include <stdlib.h>
#include <string.h>

#include "signal/frames.h"
#include "signal/signal.h"

struct bsm_window {
    const bsm_separation *separation;
    size_t length, frames;
    size_t covered;                     /* samples, of which `before` precede the window */
    size_t before, heard;               /* the part of the window that frames reach */
    float **audio;                      /* [channel][covered] */
    float **sums;                       /* [stem][channel][covered] for the wanted stems */
    float *const *stems[BSM_MAX_STEMS]; /* planes of `sums`; NULL for a stem that is not wanted */
    double *norms;                      /* [covered]: the sum of the squared windows */
    double least_norm;
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t wanted_planes(const bsm_separation *separation)
{
    return bsm_separation_planes(separation) / separation->lanes;
}

static bool allocate(bsm_window *w)
{
    const bsm_config *config = w->separation->config;
    float *window = bsm_frame_window(config->n_fft);
    w->audio = bsm_planes_new(config->channels, w->covered);
    w->sums = bsm_planes_new(wanted_planes(w->separation), w->covered);
    w->norms = calloc(w->covered, sizeof *w->norms);
    const bool allocated = window && w->audio && w->sums && w->norms;
    if (allocated) {
        bsm_frame_add_norms(window, config->n_fft, config->hop, w->frames, w->norms);
        w->least_norm = bsm_frame_least_norm(config->n_fft, config->hop);
        bsm_separation_stems(w->separation, w->sums, w->stems);
    }
    free(window);
    return allocated;
}

bsm_status bsm_window_new(const bsm_separation *separation, size_t length, bsm_window **window,
                          bsm_error *error)
{
    *window = NULL;
    const bsm_config *config = separation->config;
    bsm_window *made = calloc(1, sizeof *made);
    if (made) {
        made->separation = separation;
        made->length = length;
        made->frames = 1 + length / config->hop;
        made->covered = bsm_separation_covered(config, made->frames);
        made->before = config->n_fft / 2;
        made->heard = min(length, made->covered - made->before);
    }
    if (!made || !allocate(made)) {
        bsm_window_free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "window of %zu samples: out of memory", length);
    }
    *window = made;
    return BSM_OK;
}

void bsm_window_free(bsm_window *w)
{
    if (w) {
        free(w->audio);
        free(w->sums);
        free(w->norms);
        free(w);
    }
}

/* Fill samples `first` to `end` of the covered range with reflections from inside the window. */
static void reflect(const bsm_window *w, const float *audio, size_t first, size_t end,
                    float *covered)
{
    for (size_t i = first; i < end; i++) {
        covered[i] = audio[bsm_frame_reflect((ptrdiff_t)i - (ptrdiff_t)w->before, w->length)];
    }
}

bsm_status bsm_window_separate(bsm_window *w, const float *const *audio, bsm_error *error)
{
    const bsm_separator *separator = &w->separation->separator;
    for (size_t c = 0; c < w->separation->config->channels; c++) {
        reflect(w, audio[c], 0, w->before, w->audio[c]);
        memcpy(w->audio[c] + w->before, audio[c], w->heard * sizeof(float));
        reflect(w, audio[c], w->before + w->heard, w->covered, w->audio[c]);
    }
    for (size_t p = 0; p < wanted_planes(w->separation); p++) {
        memset(w->sums[p], 0, w->covered * sizeof **w->sums);
    }
    const bsm_block block = {.frames = w->frames,
                             .wanted = w->frames,
                             .audio = (const float *const *)w->audio,
                             .stems = w->stems};
    return separator->run(separator->user, &block, error);
}

void bsm_window_take(const bsm_window *w, size_t stem, size_t first, size_t end,
                     float *const *audio)
{
    const size_t heard = first < w->heard ? min(end, w->heard) : first;
    for (size_t c = 0; c < w->separation->config->channels; c++) {
        bsm_frame_normalise(w->stems[stem][c] + w->before + first, w->norms + w->before + first,
                            w->least_norm, heard - first, audio[c]);
        memset(audio[c] + (heard - first), 0, (end - heard) * sizeof **audio);
    }
}
