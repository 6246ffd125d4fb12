/* SPDX-License-Identifier: ISC */
/* A downward expander for separated stems. */
#include "separate/separation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signal/signal.h"

enum { STEP = 64, MAX_LANES = 2, RATIO = 50 };

static const double average_seconds = 0.6;
static const double lookahead_seconds = 0.15;
static const double least_power = 1e-14;  /* any power below it counts as silence */
static const double least_gain_dB = -120; /* any gain below it becomes 0 */

/* The power summed in this step so far, and the average at the end of the last step. */
typedef struct loudness {
    double sum, average;
} loudness;

/* One stem in one lane: its gain now, and at the end of the step. */
typedef struct expanded {
    loudness heard;
    double gain, next;
} expanded;

struct bsm_expander {
    bsm_signal signal;
    bsm_sample_queue mixture; /* samples that have been read but not separated yet */
    size_t channels, lanes, stems;
    double threshold, keep; /* in dB; the part of an average that remains after a step */
    size_t at;              /* samples into the current step */
    size_t delay, oldest; /* samples: how many wait in `waiting`, and the index of the oldest one */
    size_t early;         /* how many of these precede the result's start */
    float **waiting;      /* [plane][delay] */
    loudness mixtures[MAX_LANES];
    expanded results[BSM_MAX_STEMS][MAX_LANES];
    float heard[MAX_LANES * BSM_MAX_CHANNELS][STEP]; /* of the mixture in each lane */
};

size_t bsm_expander_delay(const bsm_config *config)
{
    const double steps = lookahead_seconds * (double)config->sample_rate / STEP;
    return config->expander == 0 ? 0 : STEP * (1 + (size_t)ceil(steps));
}

static bsm_status listen(void *user, float *const *audio, size_t count, size_t *got,
                         bsm_error *error)
{
    bsm_expander *e = user;
    bsm_status status = e->signal.read(e->signal.user, audio, count, got, error);
    return status ? status
                  : bsm_sample_queue_push(&e->mixture, (const float *const *)audio, *got, error);
}

bsm_status bsm_expander_new(bsm_separation *separation, bsm_expander **expander, bsm_error *error)
{
    const bsm_config *config = separation->config;
    *expander = NULL;
    if (config->expander == 0) {
        return BSM_OK;
    }
    bsm_expander *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "expander: out of memory");
    }
    made->signal = separation->signal;
    made->channels = config->channels;
    made->lanes = separation->lanes;
    made->stems = bsm_separation_planes(separation) / bsm_separation_channels(separation);
    made->threshold = -config->expander;
    made->delay = made->early = bsm_expander_delay(config);
    made->waiting = bsm_planes_new(bsm_separation_planes(separation), made->delay);
    if (!made->waiting) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "expander: out of memory");
    }
    made->keep = exp(-STEP / (average_seconds * (double)config->sample_rate));
    bsm_sample_queue_init(&made->mixture, bsm_separation_channels(separation));
    for (size_t s = 0; s < made->stems; s++) {
        for (size_t lane = 0; lane < made->lanes; lane++) {
            made->results[s][lane].gain = made->results[s][lane].next = 1;
        }
    }
    separation->signal = (bsm_signal){.user = made, .read = listen};
    *expander = made;
    return BSM_OK;
}

void bsm_expander_free(bsm_expander *e)
{
    if (e) {
        bsm_sample_queue_clear(&e->mixture);
        free(e->waiting);
        free(e);
    }
}

static void hear(loudness *l, const float *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        l->sum += (double)samples[i] * (double)samples[i];
    }
}

/* The average at the end of a step. A value that is not finite is discarded. */
static double average(const bsm_expander *e, loudness *l)
{
    const double power = l->sum / (double)(STEP * e->channels);
    const double next = e->keep * l->average + (1 - e->keep) * power;
    l->average = next > least_power && next < HUGE_VAL ? next : least_power;
    l->sum = 0;
    return l->average;
}

static void end_step(bsm_expander *e)
{
    for (size_t lane = 0; lane < e->lanes; lane++) {
        const double mixture = average(e, &e->mixtures[lane]);
        for (size_t s = 0; s < e->stems; s++) {
            expanded *x = &e->results[s][lane];
            const double below = 10 * log10(average(e, &x->heard) / mixture) - e->threshold;
            const double gain_dB = below < 0 ? below * (RATIO - 1) : 0;
            x->gain = x->next;
            x->next = gain_dB < least_gain_dB ? 0 : pow(10, gain_dB / 20);
        }
    }
    e->at = 0;
}

/* Exchange samples with those that have waited long enough. */
static void delay(const bsm_expander *e, float *waiting, float *samples, size_t count)
{
    for (size_t i = 0, at = e->oldest; i < count; i++) {
        const float sample = samples[i];
        samples[i] = waiting[at];
        waiting[at] = sample;
        at = at + 1 < e->delay ? at + 1 : 0;
    }
}

static void turn_down(const bsm_expander *e, const expanded *x, float *samples, size_t count)
{
    if (x->gain == 1 && x->next == 1) {
        return;
    }
    const double slope = (x->next - x->gain) / STEP;
    for (size_t i = 0; i < count; i++) {
        samples[i] *= (float)(x->gain + slope * (double)(e->at + i + 1));
    }
}

/* Expand some samples of one step, which begin at `first` in the planes. */
static void expand(bsm_expander *e, float *const *planes, size_t first, size_t count)
{
    float *heard[MAX_LANES * BSM_MAX_CHANNELS];
    for (size_t c = 0; c < e->lanes * e->channels; c++) {
        heard[c] = e->heard[c];
    }
    const size_t got = bsm_sample_queue_pop(&e->mixture, heard, count);
    for (size_t c = 0; c < e->lanes * e->channels; c++) {
        memset(heard[c] + got, 0, (count - got) * sizeof(float)); /* past the signal's end */
    }
    for (size_t c = 0; c < e->lanes * e->channels; c++) {
        hear(&e->mixtures[c / e->channels], heard[c], count);
    }
    for (size_t p = 0; p < e->stems * e->lanes * e->channels; p++) {
        expanded *x = &e->results[p / (e->lanes * e->channels)][p / e->channels % e->lanes];
        hear(&x->heard, planes[p] + first, count);
        delay(e, e->waiting[p], planes[p] + first, count);
        turn_down(e, x, planes[p] + first, count);
    }
    e->oldest = (e->oldest + count) % e->delay;
}

static void apply(bsm_expander *e, float *const *planes, size_t count)
{
    for (size_t done = 0, part; done < count; done += part) {
        part = STEP - e->at < count - done ? STEP - e->at : count - done;
        expand(e, planes, done, part);
        e->at += part;
        if (e->at == STEP) {
            end_step(e);
        }
    }
}

size_t bsm_expander_apply(bsm_expander *e, float *const *planes, size_t count, bool ended,
                          float **at)
{
    const size_t num_planes = e->stems * e->lanes * e->channels;
    for (size_t p = 0; p < num_planes && ended; p++) {
        memset(planes[p] + count, 0, e->delay * sizeof(float));
    }
    count += ended ? e->delay : 0;
    apply(e, planes, count);
    const size_t skip = e->early < count ? e->early : count;
    e->early -= skip;
    bsm_planes_at(planes, num_planes, skip, at);
    return count - skip;
}
