/* SPDX-License-Identifier: ISC */
/* How the learning rate changes in the course of a training. */
#include "schedule.h"

#include <math.h>

bsm_schedule_state bsm_schedule_start(void)
{
    return (bsm_schedule_state){.scale = 1, .best = NAN};
}

static double cosine(const bsm_schedule_settings *settings, double rate, uint64_t step,
                     uint64_t total)
{
    const double pi = 3.14159265358979323846;
    const uint64_t warmup = settings->warmup_steps;
    if (total <= warmup + 1) {
        return rate;
    }
    const double part = (double)(step - warmup) / (double)(total - warmup - 1);
    const double low = fmin(settings->minimum, rate);
    return low + (rate - low) * 0.5 * (1 + cos(pi * fmin(part, 1)));
}

double bsm_schedule_rate(const bsm_schedule_settings *settings, const bsm_schedule_state *state,
                         double learning_rate, uint64_t step, uint64_t total)
{
    if (step < settings->warmup_steps) {
        return learning_rate * (double)(step + 1) / (double)settings->warmup_steps;
    }
    switch (settings->kind) {
    case BSM_SCHEDULE_COSINE: return cosine(settings, learning_rate, step, total);
    case BSM_SCHEDULE_PLATEAU:
        return fmax(learning_rate * state->scale, fmin(settings->minimum, learning_rate));
    case BSM_SCHEDULE_CONSTANT: break;
    }
    return learning_rate;
}

bool bsm_schedule_tell(const bsm_schedule_settings *settings, bsm_schedule_state *state,
                       double learning_rate, double figure)
{
    if (isnan(state->best) || figure > state->best) {
        state->best = figure;
        state->waits = 0;
        return false;
    }
    state->waits++;
    if (settings->kind != BSM_SCHEDULE_PLATEAU || state->waits <= settings->patience ||
        learning_rate * state->scale <= settings->minimum) {
        return false;
    }
    state->scale *= settings->factor;
    state->waits = 0;
    return true;
}
