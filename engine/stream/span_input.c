/* SPDX-License-Identifier: ISC */
/* A span's signal, which waits for the audio thread's samples. */
#include <errno.h>
#include <time.h>

#include "stream/warm_up.h"

double bsm_stream_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A longer latency takes effect at once: the audio thread goes back to results that it has
 * already. A shorter one has to wait until the results before the span's end, which are in time
 * for the old latency, have been heard. */
static void lengthen_latency(bsm_stream *s, size_t latency)
{
    if (latency > atomic_load(&s->wanted_latency)) {
        atomic_store(&s->wanted_latency, latency);
        bsm_span_report_progress(s);
    }
}

static void look_for_requests(bsm_span *e)
{
    bsm_stream *s = e->stream;
    if (e->until != BSM_NEVER) {
        return;
    }
    if (atomic_load(&s->has_pending) && bsm_stream_take_pending(s)) {
        bsm_warm_up_begin(e);
    }
    const bool reset = atomic_load(&s->reset);
    if (reset) {
        bsm_warm_up_end(s, true);
    }
    const bool over = reset || (s->next && bsm_warm_up_is_over(s));
    if (over && !bsm_warm_up_hands_over(e)) {
        uint64_t written = atomic_load(&s->written);
        e->end = e->until = written > e->read ? written : e->read;
    }
    if (s->next && over) {
        lengthen_latency(s, s->next->plan.latency);
    }
}

/* Whether results of the input to be read now would come two blocks too late, or that input may
 * soon be overwritten. */
static bool is_far_behind(const bsm_span *e, uint64_t written)
{
    const bsm_stream *s = e->stream;
    uint64_t lag = written > e->read ? written - e->read : 0;
    if (lag + s->max_block > s->input.mask) {
        return true;
    }
    return !atomic_load(&s->freewheel) && lag > e->voice->plan.latency + 2 * e->voice->plan.block;
}

static void sleep_until(bsm_span *e, uint64_t position)
{
    bsm_stream *s = e->stream;
    uint64_t ready = bsm_span_ready(e);
    uint64_t wake_at = position > ready ? position : ready;
    double before = bsm_stream_clock();
    atomic_store(&s->begun, BSM_NEVER);
    atomic_store(&s->wake_at, wake_at);
    if (atomic_load(&s->written) < wake_at) {
        while (sem_wait(&s->wake) && errno == EINTR) {
        }
    }
    atomic_store(&s->wake_at, BSM_NEVER);
    atomic_store(&s->begun, atomic_load(&s->written));
    e->waited += bsm_stream_clock() - before;
}

/* A span that is heard takes precedence over one that warms up, unless the audio thread waits for
 * both. */
static bool is_urgent(const bsm_span *e)
{
    return !atomic_load(&e->stream->freewheel);
}

/* Wait until the input has reached `position`, or the span's end is known. False if the span is
 * over at once. */
static bool wait_for(bsm_span *e, uint64_t position)
{
    bsm_stream *s = e->stream;
    if (e->warming) {
        return atomic_load(&s->written) >= position;
    }
    for (;;) {
        look_for_requests(e);
        uint64_t written = atomic_load(&s->written);
        if (atomic_load(&s->quit)) {
            e->over = SPAN_QUIT;
            return false;
        }
        if (is_far_behind(e, written)) {
            e->over = SPAN_BROKEN;
            return false;
        }
        const bool there = written >= position || e->end != BSM_NEVER;
        if (s->warm && e->until == BSM_NEVER && !(there && is_urgent(e)) && bsm_warm_up_step(e)) {
            continue;
        }
        if (there) {
            return true;
        }
        sleep_until(e, position);
    }
}

/* 80 dB above full scale. A larger value would only overflow, and remain in the network's state. */
static float limit(float sample)
{
    const float most = 1e4f;
    return sample > most ? most : sample < -most ? -most : sample;
}

static bsm_status fail_as_over(bsm_error *error)
{
    return bsm_fail(error, BSM_CANCELLED, "the stream's span is over");
}

/* Read up to `count` samples at the host's rate; fewer at the span's end. */
static bsm_status read_host(void *user, float *const *audio, size_t count, size_t *got,
                            bsm_error *error)
{
    bsm_span *e = user;
    *got = 0;
    if (!wait_for(e, e->read + count)) {
        return fail_as_over(error);
    }
    if (e->end != BSM_NEVER && count > e->end - e->read) {
        count = (size_t)(e->end - e->read);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < BSM_STREAM_CHANNELS; c++) {
            float sample;
            if (!bsm_timeline_get(&e->stream->input, e->read + i, c, &sample)) {
                e->over = SPAN_BROKEN; /* the sample was overwritten just before it was read */
                return fail_as_over(error);
            }
            audio[c][i] = limit(sample);
        }
    }
    e->read += count;
    if (!e->warming) {
        atomic_store_explicit(&e->stream->read, e->read, memory_order_relaxed);
    }
    *got = count;
    return BSM_OK;
}

bsm_signal bsm_span_host(bsm_span *span)
{
    return (bsm_signal){span, read_host};
}
