/* SPDX-License-Identifier: ISC */
/* Handles a span's separated samples: it converts them to the host's rate, crossfades them with
 * those of the last span, and puts those that are in time into the output timeline. */
#include <math.h>

#include "stream/span.h"

void bsm_span_report_progress(bsm_stream *s)
{
    int posted = 0;
    if (atomic_load(&s->freewheel) && !sem_getvalue(&s->progress, &posted) && posted <= 0) {
        sem_post(&s->progress);
    }
}

/* A result is late if the audio thread, which looks one fade ahead of its output, has passed it. */
static bool is_late(const bsm_span *e, uint64_t position)
{
    const bsm_stream *s = e->stream;
    return !atomic_load(&s->freewheel) &&
           position + atomic_load(&s->wanted_latency) < atomic_load(&s->written) + s->fade;
}

/* The last fade before the end is kept back for the next span. */
static bool is_kept_back(const bsm_span *e, uint64_t position)
{
    return e->until != BSM_NEVER && position + e->stream->fade >= e->until;
}

/* A state that has become infinite does not recover by itself. */
static float finite_or_silent(const bsm_span *e, float sample)
{
    if (isfinite(sample)) {
        return sample;
    }
    atomic_store(&e->stream->reset, true);
    return 0;
}

static void keep_back(span_tail *tail, uint64_t position, const float sample[2])
{
    if (tail->count == 0) {
        tail->from = position;
    }
    tail->samples[0][tail->count] = sample[0];
    tail->samples[1][tail->count] = sample[1];
    tail->count++;
}

static float crossfaded(const span_tail *tail, uint64_t position, size_t c, float sample)
{
    if (position < tail->from || position >= tail->from + tail->count) {
        return sample;
    }
    float part = (float)(position - tail->from) / (float)tail->count;
    float before = tail->samples[c][position - tail->from];
    return before + part * (sample - before);
}

static void put(bsm_span *e, float *const *audio, size_t count)
{
    bsm_stream *s = e->stream;
    bool late = is_late(e, e->next);
    for (size_t i = 0; i < count && e->next < e->until; i++, e->next++) {
        float sample[2];
        for (size_t c = 0; c < 2; c++) {
            sample[c] = crossfaded(e->before, e->next, c, finite_or_silent(e, audio[c][i]));
        }
        if (is_kept_back(e, e->next)) {
            keep_back(e->tail, e->next, sample);
        } else if (!late && e->next >= e->from) {
            bsm_timeline_put(&s->output, e->next, 0, sample[0]);
            bsm_timeline_put(&s->output, e->next, 1, sample[1]);
        }
    }
    uint64_t done = e->tail->count ? e->tail->from : e->next;
    if (done > e->from) {
        atomic_store(&s->done, done);
        bsm_span_report_progress(s);
    }
}

bsm_status bsm_span_write(bsm_span *e, const float *const *audio, size_t count, bsm_error *error)
{
    enum { ROOM = 1024 };
    float left[ROOM], right[ROOM], *out[2] = {left, right};
    if (!e->to_host) {
        if (audio) {
            put(e, (float *const *)audio, count);
        }
        return BSM_OK;
    }
    for (size_t taken = 0;;) {
        const float *in[2] = {NULL};
        size_t used = 0, made = 0;
        if (audio) {
            in[0] = audio[0] + taken;
            in[1] = audio[1] + taken;
        }
        bsm_status status = bsm_resampler_process(e->to_host, audio ? in : NULL, count - taken,
                                                  &used, out, ROOM, &made, error);
        if (status) {
            return status;
        }
        taken += used;
        put(e, out, made);
        if (made < ROOM && taken == count) {
            return BSM_OK;
        }
    }
}
