/* SPDX-License-Identifier: ISC */
/* Collects scenes of the audio for the window. */
#include "watch.h"

#include <math.h>

void bsm_watch_init(bsm_watch *watch, size_t sample_rate)
{
    const size_t period = sample_rate / BSM_SCENES_PER_SECOND;
    *watch = (bsm_watch){.period = period < BSM_SCENE_WINDOW ? BSM_SCENE_WINDOW : period,
                         .most = sample_rate * BSM_SCENE_SECONDS,
                         .scene.rate = (float)sample_rate};
    watch->due = watch->period;
}

void bsm_watch_ask(bsm_watch *watch)
{
    watch->left = watch->most;
}

static int16_t whole(float sample)
{
    return (int16_t)(fminf(fmaxf(sample, -1), 1) * BSM_SCENE_FULL);
}

static void copy(bsm_watch *w, const float *const vocals[2], const float *const instrumental[2],
                 size_t from, size_t to)
{
    for (size_t i = from; i < to; i++, w->due--) {
        if (w->due <= BSM_SCENE_WINDOW) {
            const float v = vocals[0][i] + vocals[1][i];
            const float rest = instrumental[0][i] + instrumental[1][i];
            w->scene.vocals[BSM_SCENE_WINDOW - w->due] = whole(v / 2);
            w->scene.mixture[BSM_SCENE_WINDOW - w->due] = whole((v + rest) / 2);
        }
    }
}

static void take_levels(bsm_watch *w, const bsm_remix *remix)
{
    const uint64_t now = bsm_remix_columns(remix);
    uint64_t column = now - w->columns > 2 ? now - 2 : w->columns;
    w->scene.levels = (bsm_levels){0};
    for (; column < now; column++) {
        const bsm_levels levels = bsm_remix_levels(remix, column);
        for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
            w->scene.levels.separated[p] = fmaxf(w->scene.levels.separated[p], levels.separated[p]);
            w->scene.levels.heard[p] = fmaxf(w->scene.levels.heard[p], levels.heard[p]);
        }
    }
    w->columns = now;
}

void bsm_watch_feed(bsm_watch *watch, const bsm_remix *remix, const float *const vocals[2],
                    const float *const instrumental[2], size_t frames)
{
    if (watch->left == 0) {
        return;
    }
    for (size_t at = 0; at < frames;) {
        const size_t count = frames - at < watch->due ? frames - at : watch->due;
        copy(watch, vocals, instrumental, at, at + count);
        at += count;
        if (watch->due == 0) {
            take_levels(watch, remix);
            watch->due = watch->period;
            watch->complete = true;
        }
    }
    watch->left -= frames < watch->left ? frames : watch->left;
}
