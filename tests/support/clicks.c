/* SPDX-License-Identifier: ISC */
#include "clicks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "identity.h"

bsm_model *factor_model(const bsm_config *config, float factor)
{
    bsm_model *model = identity_model(config);
    for (size_t k = 0; k < config->num_bands; k++) {
        size_t count;
        float *bias = model_weights(model, "mask_estimators.0.to_freqs.%zu.0.2.bias", k, &count);
        for (size_t i = 0; i < count / 2; i += 2) {
            bias[i] = factor;
        }
    }
    return model;
}

clicks clicks_begin(size_t rate, size_t latency, double tolerance)
{
    clicks c = {.fade = rate / 200, .latency = latency, .old = latency, .tolerance = tolerance};
    for (size_t channel = 0; channel < 2; channel++) {
        c.memory[channel] = calloc(CLICKS_MEMORY, sizeof(float));
        assert_non_null(c.memory[channel]);
    }
    return c;
}

void clicks_end(clicks *c)
{
    free(c->memory[0]);
    free(c->memory[1]);
}

void clicks_take(clicks *c, const float *const in[2], size_t frames)
{
    for (size_t channel = 0; channel < 2; channel++) {
        for (size_t n = 0; n < frames; n++) {
            c->memory[channel][(c->position + n) % CLICKS_MEMORY] = in[channel][n];
        }
    }
}

static double delayed(const clicks *c, size_t channel, size_t latency)
{
    assert_true(latency < CLICKS_MEMORY);
    return c->position < latency
               ? 0
               : (double)c->memory[channel][(c->position - latency) % CLICKS_MEMORY];
}

/* Return how much of the newer delay has been faded in, from 0 to 1. */
static double progress(const clicks *c)
{
    return 1 - (double)c->fade_left / (double)c->fade;
}

static double leaving(const clicks *c, size_t channel)
{
    return c->fade_left > 0 ? (1 - progress(c)) * delayed(c, channel, c->old) : 0;
}

static double coming(const clicks *c, size_t channel)
{
    return progress(c) * delayed(c, channel, c->latency);
}

/* Follow the vocals' fraction of the sum, if the sum is loud enough to show it. When the latency
 * changes, the fraction may jump, because another delay is heard then. */
static void follow_part(clicks *c, double vocals)
{
    if (c->fade_left == c->fade) {
        c->part_left = c->part;
        c->part_seen = 0;
    }
    const double sum = coming(c, 0);
    if (fabs(sum) < 0.2) {
        return;
    }
    const double part = (vocals - c->part_left * leaving(c, 0)) / sum;
    const double passed = (double)(c->position + 1 - c->part_seen);
    const double most = passed / (double)c->fade + 2 * c->tolerance / 0.2;
    if (c->part_seen > 0 && !(fabs(part - c->part) <= most)) {
        fail_msg("sample %llu: a click in the vocals, from %g to %g of the whole in %g samples",
                 (unsigned long long)c->position, c->part, part, passed);
    }
    c->part = part;
    c->part_seen = c->position + 1;
}

void clicks_listen(clicks *c, size_t latency, const float *const vocals[2],
                   const float *const instrumental[2], size_t frames)
{
    if (latency != c->latency) {
        assert_int_equal(c->fade_left, 0);
        c->old = c->latency;
        c->latency = latency;
        c->fade_left = c->fade;
        c->changes++;
    }
    for (size_t n = 0; n < frames; n++) {
        for (size_t channel = 0; channel < 2; channel++) {
            double rest = instrumental ? (double)instrumental[channel][n] : 0;
            double sum = (double)vocals[channel][n] + rest;
            double wanted = leaving(c, channel) + coming(c, channel);
            if (!(fabs(sum - wanted) < 1e-5)) {
                fail_msg("sample %llu, channel %zu: a click, %g instead of %g",
                         (unsigned long long)c->position, channel, sum, wanted);
            }
        }
        if (instrumental) {
            follow_part(c, (double)vocals[0][n]);
        }
        c->fade_left -= c->fade_left > 0;
        c->position++;
    }
}
