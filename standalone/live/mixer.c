/* SPDX-License-Identifier: ISC */
/* The remix of both stems, and their levels. */
#include "mixer.h"

#include <math.h>

static const double TIME_CONSTANT = 0.005; /* seconds; a step is not heard as a click */
static const float CLOSE_ENOUGH = 1e-5F;   /* -100 dB */

float mix_factor(const mix_settings *settings, mix_stem stem)
{
    if (settings->bypass) {
        return 1;
    }
    bool other_is_solo = settings->solo != MIX_SOLO_NONE && (int)settings->solo != 1 + (int)stem;
    if (other_is_solo || settings->gain_db[stem] <= MIX_MIN_DB) {
        return 0;
    }
    return (float)pow(10, settings->gain_db[stem] / 20);
}

void mixer_set(mixer *m, const mix_settings *settings)
{
    for (size_t s = 0; s < MIX_NUM_STEMS; s++) {
        atomic_store_explicit(&m->target[s], mix_factor(settings, (mix_stem)s),
                              memory_order_relaxed);
    }
}

void mixer_init(mixer *m, const mix_settings *settings)
{
    mixer_set(m, settings);
    for (size_t s = 0; s < MIX_NUM_STEMS; s++) {
        m->gain[s] = mix_factor(settings, (mix_stem)s);
        atomic_store_explicit(&m->peak[s], 0, memory_order_relaxed);
    }
}

float mixer_approach(size_t rate)
{
    return (float)(1 - exp(-1 / (TIME_CONSTANT * (double)rate)));
}

static void note_peak(_Atomic float *peak, float *const stem[2], size_t frames)
{
    float highest = atomic_load_explicit(peak, memory_order_relaxed);
    const float before = highest;
    for (size_t c = 0; c < 2; c++) {
        for (size_t n = 0; n < frames; n++) {
            float level = fabsf(stem[c][n]);
            highest = level > highest ? level : highest;
        }
    }
    if (highest > before) {
        atomic_store_explicit(peak, highest, memory_order_relaxed);
    }
}

void mixer_run(mixer *m, float approach, float *const vocals[2], float *const instrumental[2],
               float *const out[2], size_t frames)
{
    note_peak(&m->peak[MIX_VOCALS], vocals, frames);
    note_peak(&m->peak[MIX_INSTRUMENTAL], instrumental, frames);
    const float to_v = atomic_load_explicit(&m->target[MIX_VOCALS], memory_order_relaxed);
    const float to_i = atomic_load_explicit(&m->target[MIX_INSTRUMENTAL], memory_order_relaxed);
    float v = m->gain[MIX_VOCALS];
    float i = m->gain[MIX_INSTRUMENTAL];
    for (size_t n = 0; n < frames; n++) {
        v += approach * (to_v - v);
        i += approach * (to_i - i);
        float left = v * vocals[0][n] + i * instrumental[0][n];
        float right = v * vocals[1][n] + i * instrumental[1][n];
        out[0][n] = left;
        out[1][n] = right;
    }
    /* The way never ends by itself. */
    m->gain[MIX_VOCALS] = fabsf(to_v - v) < CLOSE_ENOUGH ? to_v : v;
    m->gain[MIX_INSTRUMENTAL] = fabsf(to_i - i) < CLOSE_ENOUGH ? to_i : i;
}

float mixer_take_peak(mixer *m, mix_stem stem)
{
    return atomic_exchange_explicit(&m->peak[stem], 0, memory_order_relaxed);
}
