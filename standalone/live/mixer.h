/* SPDX-License-Identifier: ISC */
/** The remix: both stems with gains, solo and bypass, without clicks; and their levels.
 *
 *  The stems add up to the delayed input, so that bypass is both at their own level: in time with
 *  everything else by its nature. */
#ifndef BSM_LIVE_MIXER_H
#define BSM_LIVE_MIXER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "bsm/attributes.h"

typedef enum mix_stem { MIX_VOCALS, MIX_INSTRUMENTAL, MIX_NUM_STEMS } mix_stem;

/** MIX_SOLO_NONE, or 1 + the stem that is heard alone. */
typedef enum mix_solo { MIX_SOLO_NONE, MIX_SOLO_VOCALS, MIX_SOLO_INSTRUMENTAL } mix_solo;

/** Decibels; at the lowest gain, and below, a stem is silent. */
enum { MIX_MIN_DB = -60, MIX_MAX_DB = 20 };

typedef struct mix_settings {
    double gain_db[MIX_NUM_STEMS];
    mix_solo solo;
    bool bypass;
} mix_settings;

typedef struct mixer {
    /* ---- From any thread to the audio thread ---- */
    _Atomic float target[MIX_NUM_STEMS]; /**< the gains to go to */
    /* ---- From the audio thread to any ---- */
    _Atomic float peak[MIX_NUM_STEMS];
    /* ---- The audio thread's own ---- */
    float gain[MIX_NUM_STEMS]; /**< as they are on the way */
} mixer;

/** The factor that a stem is multiplied with. */
float mix_factor(const mix_settings *settings, mix_stem stem);

/** Starts at the gains of `settings`. */
void mixer_init(mixer *m, const mix_settings *settings);

/** Any thread. */
void mixer_set(mixer *m, const mix_settings *settings);

/** The part of the way to a gain that is gone per sample at this rate. */
float mixer_approach(size_t rate);

/** out = vocals and instrumental with their gains. `out` may be any of the other buffers. */
BSM_REALTIME void mixer_run(mixer *m, float approach, float *const vocals[2],
                            float *const instrumental[2], float *const out[2], size_t frames);

/** The largest absolute sample of a stem, before its gain, since the last call. */
float mixer_take_peak(mixer *m, mix_stem stem);

#endif
