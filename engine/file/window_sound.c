/* SPDX-License-Identifier: ISC */
/* What the host does for a window whose transforms are the device's: the reflections at its ends,
 * and the division by the sum of the squared windows. */
#include "file/window_sound.h"

#include <stdlib.h>

#include "signal/frame.h"
#include "signal/planes.h"

/* Below this sum no window reaches a sample, as in signal/overlap_add.c. */
static const double no_window = 1e-11;

struct bsm_window_sound {
    const bsm_separation *separation;
    size_t length, frames;
    size_t covered;                     /* samples, n_fft / 2 of them before the window */
    float **audio;                      /* [channel][covered] */
    float **sums;                       /* [stem][channel][covered] of the wanted ones */
    float *const *stems[BSM_MAX_STEMS]; /* in `sums`; NULL for one that is not wanted */
    double *norms;                      /* [covered] the sums of the squared windows */
};

static bool allocate(bsm_window_sound *w)
{
    const bsm_config *config = w->separation->config;
    size_t stems = 0;
    for (size_t s = 0; s < config->num_stems; s++) {
        stems += w->separation->wanted[s];
    }
    w->audio = bsm_planes_new(config->channels, w->covered);
    w->sums = bsm_planes_new(stems * config->channels, w->covered);
    w->norms = calloc(w->covered, sizeof *w->norms);
    float *const *planes = w->sums;
    for (size_t s = 0; s < config->num_stems && planes; s++) {
        if (w->separation->wanted[s]) {
            w->stems[s] = planes;
            planes += config->channels;
        }
    }
    return w->audio && w->sums && w->norms;
}

static bool fill_norms(bsm_window_sound *w)
{
    const bsm_config *config = w->separation->config;
    float *window = bsm_frame_window(config->n_fft);
    for (size_t f = 0; window && f < w->frames; f++) {
        for (size_t i = 0; i < config->n_fft; i++) {
            w->norms[f * config->hop + i] += (double)window[i] * (double)window[i];
        }
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
    }
    if (!made || !allocate(made) || !fill_norms(made)) {
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
        free(w->norms);
        free(w);
    }
}

bsm_status bsm_window_sound_separate(bsm_window_sound *w, const float *const *audio,
                                     bsm_error *error)
{
    const bsm_config *config = w->separation->config;
    const bsm_separator *separator = &w->separation->separator;
    const ptrdiff_t before = (ptrdiff_t)(config->n_fft / 2);
    for (size_t i = 0; i < w->covered; i++) {
        const size_t from = bsm_frame_reflect((ptrdiff_t)i - before, w->length);
        for (size_t c = 0; c < config->channels; c++) {
            w->audio[c][i] = audio[c][from];
        }
    }
    const bsm_block block = {.frames = w->frames, .wanted = w->frames};
    const bsm_sound sound = {.audio = (const float *const *)w->audio, .stems = w->stems};
    return separator->sound(separator->user, &block, &sound, error);
}

void bsm_window_sound_take(const bsm_window_sound *w, size_t stem, float *const *audio)
{
    const bsm_config *config = w->separation->config;
    for (size_t i = 0; i < w->length; i++) {
        const size_t at = config->n_fft / 2 + i;
        const bool silent = at >= w->covered || w->norms[at] < no_window;
        for (size_t c = 0; c < config->channels; c++) {
            audio[c][i] = silent ? 0.0F : (float)((double)w->stems[stem][c][at] / w->norms[at]);
        }
    }
}
