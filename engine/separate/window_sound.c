/* SPDX-License-Identifier: ISC */
/* What the host does for a window whose transforms are the device's: the reflections at its ends,
 * and the division by the sum of the squared windows. */
#include "separate/window_sound.h"

#include <stdlib.h>
#include <string.h>

#include "signal/frame.h"
#include "signal/planes.h"

/* Below this sum no window reaches a sample, as in signal/overlap_add.c. */
static const double no_window = 1e-11;

struct bsm_window_sound {
    const bsm_separation *separation;
    size_t length, frames;
    size_t covered;                     /* samples, `before` of them before the window */
    size_t before, heard;               /* of the window, what frames reach */
    float **audio;                      /* [channel][covered] */
    float **sums;                       /* [stem][channel][covered] of the wanted ones */
    float *const *stems[BSM_MAX_STEMS]; /* in `sums`; NULL for one that is not wanted */
    double *scales; /* [covered], of which `heard` stay: 1 / the sum of the squared windows */
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool allocate(bsm_window_sound *w)
{
    const bsm_config *config = w->separation->config;
    size_t stems = 0;
    for (size_t s = 0; s < config->num_stems; s++) {
        stems += w->separation->wanted[s];
    }
    w->audio = bsm_planes_new(config->channels, w->covered);
    w->sums = bsm_planes_new(stems * config->channels, w->covered);
    w->scales = calloc(w->covered, sizeof *w->scales);
    float *const *planes = w->sums;
    for (size_t s = 0; s < config->num_stems && planes; s++) {
        if (w->separation->wanted[s]) {
            w->stems[s] = planes;
            planes += config->channels;
        }
    }
    return w->audio && w->sums && w->scales;
}

static bool fill_scales(bsm_window_sound *w)
{
    const bsm_config *config = w->separation->config;
    double *norms = w->scales;
    float *window = bsm_frame_window(config->n_fft);
    for (size_t f = 0; window && f < w->frames; f++) {
        for (size_t i = 0; i < config->n_fft; i++) {
            norms[f * config->hop + i] += (double)window[i] * (double)window[i];
        }
    }
    for (size_t i = 0; i < w->heard; i++) {
        const double norm = norms[w->before + i];
        w->scales[i] = norm < no_window ? 0 : 1 / norm;
    }
    free(window);
    return window != NULL;
}

bsm_status bsm_window_sound_new(const bsm_separation *separation, size_t length,
                                bsm_window_sound **window, bsm_error *error)
{
    *window = NULL;
    const bsm_config *config = separation->config;
    bsm_window_sound *made = calloc(1, sizeof *made);
    if (made) {
        made->separation = separation;
        made->length = length;
        made->frames = 1 + length / config->hop;
        made->covered = (made->frames - 1) * config->hop + config->n_fft;
        made->before = config->n_fft / 2;
        made->heard = min(length, made->covered - made->before);
    }
    if (!made || !allocate(made) || !fill_scales(made)) {
        bsm_window_sound_free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "window of %zu samples: out of memory", length);
    }
    *window = made;
    return BSM_OK;
}

void bsm_window_sound_free(bsm_window_sound *w)
{
    if (w) {
        free(w->audio);
        free(w->sums);
        free(w->scales);
        free(w);
    }
}

/* Samples `first` to `end` of what frames cover, from beyond the window's ends. */
static void reflect(const bsm_window_sound *w, const float *audio, size_t first, size_t end,
                    float *covered)
{
    for (size_t i = first; i < end; i++) {
        covered[i] = audio[bsm_frame_reflect((ptrdiff_t)i - (ptrdiff_t)w->before, w->length)];
    }
}

bsm_status bsm_window_sound_separate(bsm_window_sound *w, const float *const *audio,
                                     bsm_error *error)
{
    const bsm_separator *separator = &w->separation->separator;
    for (size_t c = 0; c < w->separation->config->channels; c++) {
        reflect(w, audio[c], 0, w->before, w->audio[c]);
        memcpy(w->audio[c] + w->before, audio[c], w->heard * sizeof(float));
        reflect(w, audio[c], w->before + w->heard, w->covered, w->audio[c]);
    }
    const bsm_block block = {.frames = w->frames, .wanted = w->frames};
    const bsm_sound sound = {.audio = (const float *const *)w->audio, .stems = w->stems};
    return separator->sound(separator->user, &block, &sound, error);
}

void bsm_window_sound_take(const bsm_window_sound *w, size_t stem, size_t first, size_t end,
                           float *const *audio)
{
    const size_t heard = min(end, w->heard);
    for (size_t c = 0; c < w->separation->config->channels; c++) {
        const float *sums = w->stems[stem][c] + w->before;
        for (size_t i = first; i < heard; i++) {
            audio[c][i - first] = (float)((double)sums[i] * w->scales[i]);
        }
        for (size_t i = first > heard ? first : heard; i < end; i++) {
            audio[c][i - first] = 0;
        }
    }
}
