/* SPDX-License-Identifier: ISC */
/* Changes the place of a source in space: pan, width, reverb and doubling. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"

/* ---- Pan and width ---- */

void bsm_augment_pan(const bsm_piece *piece, double position)
{
    if (piece->channels == 2) {
        const double angle = (position + 1) * M_PI / 4;
        const float left = (float)(M_SQRT2 * cos(angle)), right = (float)(M_SQRT2 * sin(angle));
        for (size_t i = 0; i < piece->samples; i++) {
            piece->audio[0][i] *= left;
            piece->audio[1][i] *= right;
        }
    }
}

void bsm_augment_width(const bsm_piece *piece, double factor)
{
    for (size_t i = 0; piece->channels == 2 && i < piece->samples; i++) {
        const float middle = 0.5F * (piece->audio[0][i] + piece->audio[1][i]);
        const float side = 0.5F * (float)factor * (piece->audio[0][i] - piece->audio[1][i]);
        piece->audio[0][i] = middle + side;
        piece->audio[1][i] = middle - side;
    }
}

/* ---- Reverb ---- */

enum { LINES = 8 };

/* Delays in milliseconds without common divisors, so that the echoes of different lines rarely
 * coincide. */
static const double line_ms[LINES] = {25.31, 29.87, 34.13, 39.71, 45.77, 52.63, 60.17, 68.93};

/** A delay line with its losses. */
typedef struct delay_line {
    float *samples;
    size_t length, at;
    float gain;   /* the gain of one round */
    float damped; /* state of the low-pass filter in the loop */
} delay_line;

typedef struct reverb {
    delay_line lines[LINES];
    float damping; /* coefficient of the low-pass filter; 0: none */
} reverb;

static void clear_reverb(reverb *r)
{
    for (size_t k = 0; k < LINES; k++) {
        free(r->lines[k].samples);
    }
}

static bool make_reverb(reverb *r, double decay, size_t rate, bsm_random *random)
{
    const double size = bsm_random_between(random, 0.5, 1.3);
    bool complete = true;
    *r = (reverb){.damping = (float)bsm_random_between(random, 0.1, 0.6)};
    for (size_t k = 0; k < LINES; k++) {
        const double seconds = size * 1e-3 * line_ms[k] * bsm_random_between(random, 0.97, 1.03);
        delay_line *line = &r->lines[k];
        line->length = (size_t)(seconds * (double)rate) + 1;
        line->gain = (float)pow(10, -3 * seconds / decay);
        line->samples = calloc(line->length, sizeof *line->samples);
        complete = complete && line->samples;
    }
    return complete;
}

/* One sample through the network: outputs what the lines give, and feeds each line with the input
 * and the outputs of the others. */
static void step_reverb(reverb *r, const float *input, float *given)
{
    float sum = 0;
    for (size_t k = 0; k < LINES; k++) {
        delay_line *line = &r->lines[k];
        const float out = line->samples[line->at] * line->gain;
        line->damped = out + r->damping * (line->damped - out);
        given[k] = line->damped;
        sum += given[k];
    }
    sum *= 2.0F / LINES; /* The Householder matrix I - 2/n 1 1^T, which loses no energy. */
    for (size_t k = 0; k < LINES; k++) {
        delay_line *line = &r->lines[k];
        line->samples[line->at] = input[k & 1] + given[k] - sum;
        line->at = line->at + 1 < line->length ? line->at + 1 : 0;
    }
}

/* Compute the tail alone into `scratch`; returns its energy and that of the piece. */
static void run_reverb(reverb *r, const bsm_piece *piece, double *wet, double *dry)
{
    const size_t second = piece->channels - 1;
    *wet = *dry = 0;
    for (size_t i = 0; i < piece->samples; i++) {
        const float input[2] = {piece->audio[0][i], piece->audio[second][i]};
        float given[LINES], out[2] = {0, 0};
        step_reverb(r, input, given);
        for (size_t k = 0; k < LINES; k++) {
            /* The sign alternates within a channel; otherwise the common part of the lines would
             * be a click. */
            out[k & 1] += k & 2 ? -given[k] : given[k];
        }
        if (second == 0) {
            out[0] += out[1];
        }
        for (size_t c = 0; c < piece->channels; c++) {
            piece->scratch[c][i] = out[c];
            *wet += (double)out[c] * (double)out[c];
            *dry += (double)input[c] * (double)input[c];
        }
    }
}

bsm_status bsm_augment_reverberate(const bsm_piece *piece, double decay, double wet_db,
                                   bsm_random *random, bsm_error *error)
{
    reverb r;
    if (!make_reverb(&r, decay, piece->rate, random)) {
        clear_reverb(&r);
        return bsm_fail(error, BSM_NO_MEMORY, "reverb: out of memory");
    }
    double wet, dry;
    run_reverb(&r, piece, &wet, &dry);
    clear_reverb(&r);
    if (wet > 0) {
        const float gain = (float)(sqrt(dry / wet) * pow(10, wet_db / 20));
        for (size_t c = 0; c < piece->channels; c++) {
            for (size_t i = 0; i < piece->samples; i++) {
                piece->audio[c][i] += gain * piece->scratch[c][i];
            }
        }
    }
    return BSM_OK;
}

bsm_status bsm_augment_reverb(const bsm_piece *piece, bsm_random *random, bsm_error *error)
{
    const double decay = bsm_random_log(random, 0.3, 3);
    const double wet = bsm_random_between(random, -22, -6);
    return bsm_augment_reverberate(piece, decay, wet, random, error);
}

/* ---- Layers ---- */

static double energy(float *const *audio, const bsm_piece *piece)
{
    double sum = 0;
    for (size_t c = 0; c < piece->channels; c++) {
        for (size_t i = 0; i < piece->samples; i++) {
            sum += (double)audio[c][i] * (double)audio[c][i];
        }
    }
    return sum;
}

void bsm_augment_layer(const bsm_piece *piece, bsm_random *random)
{
    bsm_piece layer = *piece;
    layer.audio = piece->scratch;
    bsm_augment_pan(&layer, bsm_random_between(random, -1, 1));
    const double wanted =
        energy(piece->audio, piece) * pow(10, bsm_random_between(random, -9, 0) / 10);
    const double is = energy(layer.audio, piece);
    const float gain = is > 0 ? (float)sqrt(wanted / is) : 0;
    for (size_t c = 0; c < piece->channels; c++) {
        for (size_t i = 0; i < piece->samples; i++) {
            piece->audio[c][i] += gain * layer.audio[c][i];
        }
    }
}

/* ---- Doubling ---- */

/** A delayed copy whose delay oscillates, which makes its pitch oscillate. */
typedef struct double_voice {
    double delay, swing; /* in samples */
    double turn, phase;  /* in radians: per sample, and at the start */
    float gain[2];       /* per channel */
} double_voice;

static double_voice draw_copy(const bsm_piece *piece, bsm_random *random)
{
    const double rate = (double)piece->rate;
    const double cents = bsm_random_between(random, 5, 15);
    double_voice result = {.delay = bsm_random_between(random, 0.012, 0.03) * rate,
                           .turn = 2 * M_PI * bsm_random_log(random, 0.15, 1) / rate,
                           .phase = bsm_random_between(random, 0, 2 * M_PI)};
    /* The slope of the delay is the change of pitch; it is largest where the oscillation crosses
     * its middle. */
    result.swing = fmin((exp2(cents / 1200) - 1) / result.turn, result.delay - 0.003 * rate);
    const double gain = pow(10, bsm_random_between(random, -12, 0) / 20);
    const double angle = bsm_random_between(random, 0, M_PI / 2);
    result.gain[0] = (float)(gain * (piece->channels == 2 ? M_SQRT2 * cos(angle) : 1));
    result.gain[1] = (float)(gain * M_SQRT2 * sin(angle));
    return result;
}

/* Interpolate between the samples around `place` with Catmull and Rom's cubic; 0 outside. */
static float interpolate(const float *audio, size_t samples, double place)
{
    const double floored = floor(place);
    if (floored < 1 || floored + 2 >= (double)samples) {
        return 0;
    }
    const float *at = audio + (size_t)floored, t = (float)(place - floored);
    const float slope0 = 0.5F * (at[1] - at[-1]), slope1 = 0.5F * (at[2] - at[0]);
    const float step = at[1] - at[0];
    return at[0] +
           t * (slope0 + t * (3 * step - 2 * slope0 - slope1 + t * (slope0 + slope1 - 2 * step)));
}

static void add_copy(const bsm_piece *piece, const double_voice *copy)
{
    for (size_t i = 0; i < piece->samples; i++) {
        const double delay = copy->delay + copy->swing * sin(copy->phase + copy->turn * (double)i);
        for (size_t c = 0; c < piece->channels; c++) {
            piece->audio[c][i] +=
                copy->gain[c] * interpolate(piece->scratch[c], piece->samples, (double)i - delay);
        }
    }
}

void bsm_augment_doubling(const bsm_piece *piece, bsm_random *random)
{
    for (size_t c = 0; c < piece->channels; c++) {
        memcpy(piece->scratch[c], piece->audio[c], piece->samples * sizeof(float));
    }
    const size_t copies = 1 + (size_t)bsm_random_below(random, 2);
    if (bsm_random_chance(random, 0.5)) { /* two takes, one on each side */
        bsm_augment_pan(piece, bsm_random_between(random, -1, 1));
    }
    for (size_t k = 0; k < copies; k++) {
        const double_voice copy = draw_copy(piece, random);
        add_copy(piece, &copy);
    }
}
