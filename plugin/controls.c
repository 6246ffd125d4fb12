/* SPDX-License-Identifier: ISC */
#include "controls.h"

#include <math.h>

#include "ports.h"

enum { RAMPS_PER_SECOND = 50 };

/* ---- Ramps ---- */

static void ramp_to(bsm_ramp *ramp, float target, size_t length)
{
    if (target == ramp->target) {
        return;
    }
    ramp->target = target;
    ramp->left = length;
    ramp->step = (target - ramp->value) / (float)length;
}

static void ramp_jump(bsm_ramp *ramp, float target)
{
    *ramp = (bsm_ramp){.value = target, .target = target};
}

static float ramp_next(bsm_ramp *ramp)
{
    if (ramp->left > 0) {
        ramp->left--;
        ramp->value = ramp->left > 0 ? ramp->value + ramp->step : ramp->target;
    }
    return ramp->value;
}

/* ---- The ports' values ---- */

static float factor_of(float db)
{
    if (!(db > BSM_GAIN_MUTE)) {
        return 0;
    }
    return powf(10.0f, (db < BSM_GAIN_MAX ? db : BSM_GAIN_MAX) / 20.0f);
}

void bsm_controls_init(bsm_controls *controls, size_t sample_rate)
{
    *controls = (bsm_controls){.length = sample_rate / RAMPS_PER_SECOND};
    ramp_jump(&controls->vocals, 1);
    ramp_jump(&controls->instrumental, 1);
}

void bsm_controls_restart(bsm_controls *controls)
{
    controls->started = false;
}

static void jump_all(bsm_controls *controls)
{
    ramp_jump(&controls->vocals, controls->vocals.target);
    ramp_jump(&controls->instrumental, controls->instrumental.target);
    ramp_jump(&controls->bypass, controls->bypass.target);
}

void bsm_controls_set(bsm_controls *controls, float vocals_db, float instrumental_db, bool enabled)
{
    if (vocals_db != controls->vocals_db) { /* saves two powf per call */
        controls->vocals_db = vocals_db;
        ramp_to(&controls->vocals, factor_of(vocals_db), controls->length);
    }
    if (instrumental_db != controls->instrumental_db) {
        controls->instrumental_db = instrumental_db;
        ramp_to(&controls->instrumental, factor_of(instrumental_db), controls->length);
    }
    ramp_to(&controls->bypass, enabled ? 0 : 1, controls->length);
    if (!controls->started) {
        jump_all(controls);
        controls->started = true;
    }
}

/* ---- Sound ---- */

/* The values of one sample. */
typedef struct moment {
    float vocals, instrumental, bypass;
} moment;

static moment next_moment(bsm_controls *controls)
{
    return (moment){ramp_next(&controls->vocals), ramp_next(&controls->instrumental),
                    ramp_next(&controls->bypass)};
}

/* Exact at both ends. */
static float blend(float wet, float dry, float part)
{
    return part == 1 ? dry : wet + part * (dry - wet);
}

void bsm_controls_remix(bsm_controls *controls, const bsm_parts *in, float *const out[2],
                        size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        moment now = next_moment(controls);
        for (size_t c = 0; c < 2; c++) {
            float vocals = in->vocals[c][i], rest = in->instrumental[c][i];
            float wet = now.vocals * vocals + now.instrumental * rest;
            out[c][i] = blend(wet, vocals + rest, now.bypass);
        }
    }
}

void bsm_controls_stems(bsm_controls *controls, const bsm_parts *in, float *const vocals[2],
                        float *const instrumental[2], size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        moment now = next_moment(controls);
        for (size_t c = 0; c < 2; c++) {
            float voice = in->vocals[c][i], rest = in->instrumental[c][i];
            vocals[c][i] = blend(now.vocals * voice, 0, now.bypass);
            instrumental[c][i] = blend(now.instrumental * rest, voice + rest, now.bypass);
        }
    }
}
