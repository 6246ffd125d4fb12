/* SPDX-License-Identifier: ISC */
/* Warms a new voice up: it processes the last seconds of the input before it is heard. */
#include "stream/warm_up.h"

#include <stdlib.h>

enum {
    WARM_SECONDS = 2,   /* of the past; the input ring holds more */
    PATIENT_SECONDS = 6 /* until the warm-up is given up */
};

/* Where a voice begins to warm up: on the frame grid of the span that is heard, so that the same
 * network gives the same output. */
static uint64_t start_of(const bsm_span *heard, const bsm_stream_plan *plan, uint64_t written)
{
    const uint64_t past = written - heard->start, most = WARM_SECONDS * plan->rate;
    const uint64_t skipped = past > most ? past - most : 0;
    return heard->start +
           (plan->rate == plan->model_rate ? skipped - skipped % plan->block : skipped);
}

/* With bounded memory each block is computed from zero anyway, and computing another voice costs
 * too much. */
static bool is_worth_it(const bsm_span *heard, uint64_t written)
{
    const bsm_stream *s = heard->stream;
    const bool late = written < atomic_load(&s->late_until);
    return s->next->network && s->next->plan.history == 0 && !late && written > heard->start;
}

void bsm_warm_up_begin(const bsm_span *heard)
{
    static span_tail none;
    bsm_stream *s = heard->stream;
    const uint64_t written = atomic_load(&s->written);
    bsm_span *e = is_worth_it(heard, written) ? calloc(1, sizeof *e) : NULL;
    if (!e) {
        return;
    }
    const uint64_t start = start_of(heard, &s->next->plan, written);
    *e = (bsm_span){.stream = s,
                    .voice = s->next,
                    .start = start,
                    .end = BSM_NEVER,
                    .until = BSM_NEVER,
                    .read = start,
                    .next = start,
                    .from = BSM_NEVER,
                    .before = &none,
                    .tail = &none,
                    .warming = true};
    bsm_error error;
    s->warm = e;
    s->patience = written + PATIENT_SECONDS * s->rate;
    if (bsm_span_open(e, false, &error)) {
        bsm_warm_up_end(s, true);
    }
}

/* A network that fails here fails again once it is heard, and is reported then. */
static void compute(bsm_span *e)
{
    bsm_error error;
    size_t count = 0;
    if (bsm_span_next(e, &count, &error) || count == 0) {
        bsm_warm_up_end(e->stream, true);
    } else {
        e->voice->warmed = true;
    }
}

bool bsm_warm_up_step(bsm_span *heard)
{
    bsm_stream *s = heard->stream;
    const uint64_t written = atomic_load(&s->written);
    if (s->warm && written > s->patience && !atomic_load(&s->freewheel)) {
        bsm_warm_up_end(s, false);
    }
    if (!s->warm || written < bsm_span_ready(s->warm)) {
        return false;
    }
    const double before = bsm_stream_clock();
    atomic_store(&s->begun, BSM_NEVER);
    compute(s->warm);
    atomic_store(&s->begun, atomic_load(&s->written));
    heard->waited += bsm_stream_clock() - before;
    return true;
}

bool bsm_warm_up_hands_over(bsm_span *heard)
{
    const bsm_stream *s = heard->stream;
    if (!s->warm || s->next->plan.latency < heard->voice->plan.latency) {
        return false;
    }
    heard->until = (s->warm->next > heard->next ? s->warm->next : heard->next) + s->fade;
    return true;
}

/* The warm-up is over when its results reach one fade before the present, where the crossfade
 * would begin. */
bool bsm_warm_up_is_over(const bsm_stream *s)
{
    const uint64_t written = atomic_load(&s->written);
    return !s->warm || (written < bsm_span_ready(s->warm) && s->warm->next + s->fade <= written);
}

void bsm_warm_up_end(bsm_stream *s, bool forget)
{
    if (s->warm) {
        s->warm->voice->warmed = s->warm->voice->warmed && !forget;
        bsm_span_close(s->warm);
        free(s->warm);
        s->warm = NULL;
    }
}
