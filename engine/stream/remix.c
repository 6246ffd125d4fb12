/* SPDX-License-Identifier: ISC */
/* The remix of the vocals and the instrumental, and their levels. */
#include "bsm/remix.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { RAMPS_PER_SECOND = 50 };

/* A value that moves linearly to its target, sample by sample. */
typedef struct ramp {
    float value, target, step;
    size_t left; /* samples until the target is reached */
} ramp;

/* Peaks before and after the gains, of the vocals and the instrumental. */
typedef struct column {
    _Atomic float separated[BSM_NUM_PARTS], heard[BSM_NUM_PARTS];
} column;

struct bsm_remix {
    size_t ramp_length, column_length; /* samples */

    /* ---- From any thread to the audio thread ---- */
    _Atomic float wanted_db[BSM_NUM_PARTS]; /* -infinity mutes */
    _Atomic bool wanted_bypass;

    /* ---- The audio thread's own ---- */
    bool started; /* before it, values jump to their targets */
    float db[BSM_NUM_PARTS];
    ramp gain[BSM_NUM_PARTS];  /* factors */
    ramp bypass;               /* 1: only the delayed input is heard */
    size_t column_left;        /* samples of the incomplete column ... */
    float peak[BSM_NUM_PARTS]; /* ... and its peaks so far */

    /* ---- From the audio thread to any thread ---- */
    column columns[BSM_REMIX_COLUMNS];
    _Atomic uint64_t num_columns; /* since the start */
};

/* ---- Settings ---- */

bool bsm_remix_lets_through(const bsm_remix_settings *settings, bsm_part part)
{
    const bool other_is_solo =
        settings->solo != BSM_SOLO_NONE && (int)settings->solo != 1 + (int)part;
    return settings->bypass || (!settings->mute[part] && !other_is_solo &&
                                settings->gain_db[part] > (float)BSM_REMIX_MIN_DB);
}

void bsm_remix_set(bsm_remix *remix, const bsm_remix_settings *settings)
{
    const bsm_remix_settings gains = {.gain_db = {settings->gain_db[0], settings->gain_db[1]},
                                      .mute = {settings->mute[0], settings->mute[1]},
                                      .solo = settings->solo};
    for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
        const bool through = bsm_remix_lets_through(&gains, (bsm_part)p);
        atomic_store(&remix->wanted_db[p],
                     through ? fminf(gains.gain_db[p], BSM_REMIX_MAX_DB) : -INFINITY);
    }
    atomic_store(&remix->wanted_bypass, settings->bypass);
}

bsm_status bsm_remix_new(size_t sample_rate, const bsm_remix_settings *settings, bsm_remix **remix,
                         bsm_error *error)
{
    bsm_remix *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a remix");
    }
    made->ramp_length = sample_rate / RAMPS_PER_SECOND;
    made->column_length = made->column_left = sample_rate / BSM_REMIX_COLUMNS_PER_SECOND;
    /* a value that nobody sets, so that the first call computes it */
    made->db[BSM_VOCALS] = made->db[BSM_INSTRUMENTAL] = NAN;
    bsm_remix_set(made, settings);
    *remix = made;
    return BSM_OK;
}

void bsm_remix_free(bsm_remix *remix)
{
    free(remix);
}

void bsm_remix_restart(bsm_remix *remix)
{
    remix->started = false;
}

/* ---- Ramps ---- */

static void ramp_to(ramp *r, float target, size_t length)
{
    if (target != r->target) {
        r->target = target;
        r->left = length;
        r->step = (target - r->value) / (float)length;
    }
}

static void ramp_jump(ramp *r)
{
    *r = (ramp){.value = r->target, .target = r->target};
}

static float ramp_next(ramp *r)
{
    if (r->left > 0) {
        r->left--;
        r->value = r->left > 0 ? r->value + r->step : r->target;
    }
    return r->value;
}

static void follow_settings(bsm_remix *r)
{
    for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
        const float db = atomic_load_explicit(&r->wanted_db[p], memory_order_relaxed);
        if (db != r->db[p]) { /* saves one pow() per call */
            r->db[p] = db;
            ramp_to(&r->gain[p], powf(10, db / 20), r->ramp_length);
        }
    }
    ramp_to(&r->bypass, atomic_load(&r->wanted_bypass) ? 1 : 0, r->ramp_length);
    if (!r->started) {
        ramp_jump(&r->gain[BSM_VOCALS]);
        ramp_jump(&r->gain[BSM_INSTRUMENTAL]);
        ramp_jump(&r->bypass);
        r->started = true;
    }
}

/* ---- Levels ---- */

static float peak_of(const float *const planes[2], size_t from, size_t to, float most)
{
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = from; i < to; i++) {
            most = fmaxf(most, fabsf(planes[c][i]));
        }
    }
    return most;
}

static void end_column(bsm_remix *r)
{
    const uint64_t count = atomic_load_explicit(&r->num_columns, memory_order_relaxed);
    column *to = &r->columns[count % BSM_REMIX_COLUMNS];
    for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
        const float gain = r->gain[p].value;
        const float heard = r->peak[p] * (gain + r->bypass.value * (1 - gain));
        atomic_store_explicit(&to->separated[p], r->peak[p], memory_order_relaxed);
        atomic_store_explicit(&to->heard[p], heard, memory_order_relaxed);
        r->peak[p] = 0;
    }
    atomic_store_explicit(&r->num_columns, count + 1, memory_order_release);
    r->column_left = r->column_length;
}

/* How many of the samples from `from` on belong to the current column. */
static size_t feed_levels(bsm_remix *r, const float *const vocals[2],
                          const float *const instrumental[2], size_t from, size_t frames)
{
    const size_t left = frames - from, count = left < r->column_left ? left : r->column_left;
    r->peak[BSM_VOCALS] = peak_of(vocals, from, from + count, r->peak[BSM_VOCALS]);
    r->peak[BSM_INSTRUMENTAL] =
        peak_of(instrumental, from, from + count, r->peak[BSM_INSTRUMENTAL]);
    r->column_left -= count;
    return count;
}

uint64_t bsm_remix_columns(const bsm_remix *remix)
{
    return atomic_load_explicit(&remix->num_columns, memory_order_acquire);
}

bsm_levels bsm_remix_levels(const bsm_remix *remix, uint64_t number)
{
    bsm_levels levels = {0};
    const uint64_t count = bsm_remix_columns(remix);
    if (number >= count || count - number > BSM_REMIX_COLUMNS) {
        return levels;
    }
    const column *from = &remix->columns[number % BSM_REMIX_COLUMNS];
    for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
        levels.separated[p] = atomic_load_explicit(&from->separated[p], memory_order_relaxed);
        levels.heard[p] = atomic_load_explicit(&from->heard[p], memory_order_relaxed);
    }
    return levels;
}

/* ---- Mixing ---- */

/* The ramped values at one sample. */
typedef struct moment {
    float vocals, instrumental, bypass;
} moment;

static moment next_moment(bsm_remix *r)
{
    return (moment){ramp_next(&r->gain[BSM_VOCALS]), ramp_next(&r->gain[BSM_INSTRUMENTAL]),
                    ramp_next(&r->bypass)};
}

/* This form is exact at both ends. */
static float blend(float wet, float dry, float part)
{
    return part == 1 ? dry : wet + part * (dry - wet);
}

bool bsm_remix_mix(bsm_remix *remix, const float *const vocals[2],
                   const float *const instrumental[2], float *const out[2], size_t frames)
{
    bool complete = false;
    follow_settings(remix);
    for (size_t at = 0; at < frames;) {
        const size_t end = at + feed_levels(remix, vocals, instrumental, at, frames);
        for (; at < end; at++) {
            const moment now = next_moment(remix);
            const float v[2] = {vocals[0][at], vocals[1][at]};
            const float i[2] = {instrumental[0][at], instrumental[1][at]};
            for (size_t c = 0; c < 2; c++) {
                out[c][at] =
                    blend(now.vocals * v[c] + now.instrumental * i[c], v[c] + i[c], now.bypass);
            }
        }
        if (remix->column_left == 0) {
            end_column(remix);
            complete = true;
        }
    }
    return complete;
}

bool bsm_remix_stems(bsm_remix *remix, float *const vocals[2], float *const instrumental[2],
                     size_t frames)
{
    bool complete = false;
    follow_settings(remix);
    for (size_t at = 0; at < frames;) {
        const size_t end = at + feed_levels(remix, (const float *const *)vocals,
                                            (const float *const *)instrumental, at, frames);
        for (; at < end; at++) {
            const moment now = next_moment(remix);
            for (size_t c = 0; c < 2; c++) {
                const float v = vocals[c][at], i = instrumental[c][at];
                vocals[c][at] = blend(now.vocals * v, 0, now.bypass);
                instrumental[c][at] = blend(now.instrumental * i, v + i, now.bypass);
            }
        }
        if (remix->column_left == 0) {
            end_column(remix);
            complete = true;
        }
    }
    return complete;
}
