/* SPDX-License-Identifier: ISC */
/* The worker thread of a live stream, which runs one span after another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/warm_up.h"

/* State that outlasts a span. */
typedef struct worker {
    bsm_stream *stream;
    uint64_t start;    /* start of the next span */
    uint64_t finished; /* results before this are there, or have been given up */
    bool keep_state;
    span_tail tails[2]; /* of the last span and of the current one */
    double busy, audio; /* in seconds: the time for computing, and the audio computed, in all */
} worker;

static void place_tails(worker *w)
{
    float *samples = w->stream->tails;
    for (size_t t = 0; t < 2; t++) {
        for (size_t c = 0; c < BSM_STREAM_CHANNELS; c++, samples += w->stream->fade) {
            w->tails[t].samples[c] = samples;
        }
    }
}

static void swap_tails(worker *w)
{
    span_tail last = w->tails[0];
    w->tails[0] = w->tails[1];
    w->tails[1] = last;
    w->tails[1].count = 0;
}

static void count_load(worker *w, bsm_span *e, double seconds)
{
    bsm_stream *s = w->stream;
    const bsm_stream_plan *plan = &e->voice->plan;
    double audio = (double)(plan->commit * plan->hop) / (double)plan->model_rate;
    double load = seconds / audio;
    w->busy += seconds;
    w->audio += audio;
    atomic_store(&s->load, load);
    atomic_store(&s->mean_load, w->busy / w->audio);
    if (load > atomic_load(&s->worst_load)) {
        atomic_store(&s->worst_load, load);
    }
    atomic_fetch_add(&s->blocks, 1);
}

/* Report when a device has failed and been given up for another. A voice that is about to be
 * followed reports nothing: the name of the newest voice's device is there already. */
static void tell_device(bsm_stream *s, const bsm_voice *voice)
{
    const char *name = bsm_network_device_name(voice->network);
    pthread_mutex_lock(&s->lock);
    if (!s->pending && !s->next && strcmp(s->device_name, name) != 0) {
        snprintf(s->device_name, sizeof s->device_name, "%s", name);
    }
    pthread_mutex_unlock(&s->lock);
}

/* Run until the signal ends, or until something else ends the span. */
static bsm_status run_blocks(worker *w, bsm_span *e, bsm_error *error)
{
    for (;;) {
        size_t count = 0;
        double begun = bsm_stream_clock(), waited = e->waited;
        atomic_store(&w->stream->begun, atomic_load(&w->stream->written));
        bsm_status status = bsm_span_next(e, &count, error);
        atomic_store(&w->stream->begun, BSM_NEVER);
        tell_device(w->stream, e->voice);
        if (count > 0) { /* the last block of a broken span computed nothing */
            count_load(w, e, bsm_stream_clock() - begun - (e->waited - waited));
        }
        if (status || count == 0 || e->next >= e->until) {
            return status;
        }
    }
}

static void run_span(worker *w, bsm_span *e)
{
    bsm_error error = {0};
    bsm_status status = e->blocks ? BSM_OK : bsm_span_open(e, w->keep_state, &error);
    if (!status) {
        status = run_blocks(w, e, &error);
    }
    if (!status) {
        e->over = SPAN_ENDED;
    } else if (e->over == SPAN_RUNS) {
        e->over = SPAN_FAILED;
        bsm_failure_set(&w->stream->failure, error.message);
        atomic_store(&w->stream->status, (int)status);
    }
    bsm_span_close(e);
}

/* ---- Between spans ---- */

static void set_due(bsm_stream *s, uint64_t from, uint64_t to)
{
    atomic_store(&s->due_from, from);
    atomic_store(&s->due_to, to);
}

/* Nothing more is to come, so no result counts as missing and no audio thread waits for one. */
static void expect_nothing(worker *w, uint64_t from)
{
    bsm_stream *s = w->stream;
    atomic_store(&s->due_to, from);
    atomic_store(&s->done, BSM_NEVER);
    bsm_span_report_progress(s);
}

/* Output what was kept back for a crossfade that will not happen. */
static void flush_tail(worker *w)
{
    span_tail *tail = &w->tails[0];
    for (size_t i = 0; i < tail->count; i++) {
        bsm_timeline_put(&w->stream->output, tail->from + i, 0, tail->samples[0][i]);
        bsm_timeline_put(&w->stream->output, tail->from + i, 1, tail->samples[1][i]);
    }
    tail->count = 0;
}

/* A longer latency waits until enough input has arrived; otherwise there would be silence. */
static bool is_ripe(const bsm_stream *s)
{
    const size_t latency = s->pending ? s->pending->plan.latency : 0;
    return !s->voice->network || latency <= atomic_load(&s->wanted_latency) ||
           latency <= atomic_load(&s->written);
}

/* If several voices warm up in a row, only the last one counts. */
bool bsm_stream_take_pending(bsm_stream *s)
{
    bsm_voice *superseded = NULL;
    pthread_mutex_lock(&s->lock);
    const bool taken = s->pending && is_ripe(s);
    if (taken) {
        superseded = s->next;
        s->next = s->pending;
        s->pending = NULL;
    }
    atomic_store(&s->has_pending, s->pending != NULL);
    pthread_mutex_unlock(&s->lock);
    if (superseded) {
        bsm_warm_up_end(s, true);
        bsm_voice_free(superseded);
    }
    return taken;
}

/* All results of the last voice are there, so any latency will do until those of the next voice. */
static void change_voice(bsm_stream *s)
{
    bsm_voice_free(s->voice);
    s->voice = s->next;
    s->next = NULL;
    atomic_store(&s->block, s->voice->plan.block);
    atomic_store(&s->status, BSM_OK);
    atomic_store(&s->wanted_latency, s->voice->plan.latency);
}

/* The next span does not overlap with anything. */
static void start_at_present(worker *w)
{
    w->tails[0].count = 0;
    w->start = w->finished = atomic_load(&w->stream->written);
    atomic_store(&w->stream->done, w->start);
}

/* Without a network, sleep until there is another voice. An audio thread that freewheels learns
 * where that voice begins before it can see that none is pending. */
static void wait_for_voice(worker *w)
{
    bsm_stream *s = w->stream;
    const uint64_t finished = w->finished;
    expect_nothing(w, finished);
    while (!atomic_load(&s->has_pending) && !atomic_load(&s->quit)) {
        sem_wait(&s->wake);
    }
    start_at_present(w);
    if (bsm_stream_take_pending(s)) {
        change_voice(s);
    }
    if (!s->voice->network) {
        w->finished = finished;
        return;
    }
    atomic_store(&s->reset, false);
    w->keep_state = false;
    set_due(s, w->start, BSM_NEVER);
    bsm_span_report_progress(s);
}

/* The next span begins one fade before the end of the last, whose results are all there. */
static void overlap(worker *w, const bsm_span *e)
{
    bsm_stream *s = w->stream;
    w->finished = e->until;
    w->start = e->until > s->fade ? e->until - s->fade : 0;
    w->start = w->start > e->start ? w->start : e->start;
    w->keep_state = false;
    if (atomic_exchange(&s->reset, false)) {
        bsm_warm_up_end(s, true);
    }
}

static void after_failure(worker *w)
{
    bsm_stream *s = w->stream;
    bsm_network_free(s->voice->network);
    s->voice->network = NULL;
    w->tails[0].count = 0;
    if (s->next) {
        start_at_present(w);
    }
}

static void after_span(worker *w, const bsm_span *e)
{
    bsm_stream *s = w->stream;
    swap_tails(w);
    w->finished = e->next > w->finished ? e->next : w->finished;
    switch (e->over) {
    case SPAN_ENDED: overlap(w, e); break;
    case SPAN_BROKEN:
        start_at_present(w);
        w->keep_state = true;
        atomic_fetch_add(&s->dropped, w->start > e->read ? w->start - e->read : 0);
        break;
    case SPAN_FAILED: after_failure(w); break;
    case SPAN_QUIT:
    case SPAN_RUNS: w->tails[0].count = 0; return;
    }
    if (e->over != SPAN_ENDED) {
        bsm_warm_up_end(s, false);
    }
    if (s->next) {
        change_voice(s);
        w->keep_state = s->voice->warmed;
    }
    if (!s->voice->network) {
        flush_tail(w);
    }
}

static bsm_span cold_span(worker *w)
{
    return (bsm_span){.stream = w->stream,
                      .voice = w->stream->voice,
                      .start = w->start,
                      .end = BSM_NEVER,
                      .until = BSM_NEVER,
                      .read = w->start,
                      .next = w->start};
}

/* If a voice has warmed up, its span goes on; otherwise a new one begins. */
static void next_span(worker *w)
{
    bsm_span cold = cold_span(w), *warm = w->stream->warm, *e = warm ? warm : &cold;
    w->stream->warm = NULL;
    e->warming = false;
    e->from = w->tails[0].count ? w->tails[0].from : w->finished;
    e->before = &w->tails[0];
    e->tail = &w->tails[1];
    run_span(w, e);
    after_span(w, e);
    free(warm);
}

void *bsm_stream_worker(void *stream)
{
    bsm_stream *s = stream;
    worker w = {.stream = s};
    pthread_setname_np(pthread_self(), "bsm-stream");
    place_tails(&w);
    while (!atomic_load(&s->quit)) {
        if (s->voice->network) {
            next_span(&w);
        } else {
            wait_for_voice(&w);
        }
    }
    bsm_warm_up_end(s, true);
    expect_nothing(&w, w.finished);
    return NULL;
}
