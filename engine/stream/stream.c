/* SPDX-License-Identifier: ISC */
/* Live separation: creating, changing and observing a stream. */
#include "bsm/stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/team.h"
#include "stream/state.h"

enum { STALL_SECONDS = 2, PAGE = 4096 };

/* ---- Memory ---- */

/* Room for the latency, and for a worker that stalls. */
static size_t ring_capacity(const bsm_stream *s, size_t latency)
{
    return latency + STALL_SECONDS * s->rate + 2 * s->max_block;
}

static size_t longest_latency(const bsm_stream *s)
{
    size_t wished = (size_t)(s->options.max_latency * (double)s->rate);
    return wished > 2 * s->plan.latency ? wished : 2 * s->plan.latency;
}

/* Touch each page once: the page faults happen here and not in the audio thread. */
static float *new_delay(size_t floats)
{
    float *delay = calloc(floats, sizeof *delay);
    for (size_t i = 0; delay && i < floats; i += PAGE / sizeof *delay) {
        *(volatile float *)&delay[i] = 0;
    }
    return delay;
}

static bsm_status allocate_rings(bsm_stream *s, bsm_error *error)
{
    size_t capacity = ring_capacity(s, longest_latency(s));
    if (bsm_timeline_init(&s->input, capacity) && bsm_timeline_init(&s->output, capacity)) {
        s->delay_mask = s->input.mask;
        s->delay = new_delay((s->delay_mask + 1) * 2);
        s->tails = malloc(2 * BSM_STREAM_CHANNELS * s->fade * sizeof *s->tails);
    }
    if (!s->delay || !s->tails) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a stream's rings");
    }
    /* Lock the pages, so that none is swapped out. If the limit forbids it, that risk remains. */
    (void)mlock(s->input.slots, bsm_timeline_size(&s->input));
    (void)mlock(s->output.slots, bsm_timeline_size(&s->output));
    (void)mlock(s->delay, (s->delay_mask + 1) * 2 * sizeof *s->delay);
    (void)mlock(s, sizeof *s);
    return BSM_OK;
}

static void free_rings(bsm_stream *s)
{
    if (s->delay) {
        (void)munlock(s->input.slots, bsm_timeline_size(&s->input));
        (void)munlock(s->output.slots, bsm_timeline_size(&s->output));
        (void)munlock(s->delay, (s->delay_mask + 1) * 2 * sizeof *s->delay);
    }
    bsm_timeline_clear(&s->input);
    bsm_timeline_clear(&s->output);
    free(s->delay);
    free(s->tails);
}

/* ---- The newest voice, as other threads see it ---- */

static void announce(bsm_stream *s, const bsm_voice *voice, const bsm_stream_options *options)
{
    s->options = *options;
    s->plan = voice->plan;
    atomic_store(&s->commit, voice->plan.commit);
    atomic_store(&s->lookahead, voice->plan.lookahead);
    atomic_store(&s->history, voice->plan.history);
    atomic_store(&s->segment, voice->plan.rolling.segment);
    atomic_store(&s->warmup, voice->plan.rolling.warmup);
    snprintf(s->device_name, sizeof s->device_name, "%s",
             voice->network ? bsm_network_device_name(voice->network) : "none");
}

static void set_initial_state(bsm_stream *s, const bsm_stream_options *options)
{
    const bsm_stream_plan *plan = &s->voice->plan;
    s->fade = s->rate / BSM_FADES_PER_SECOND;
    s->next_latency = plan->latency;
    s->taps[0] = (bsm_stream_tap){.latency = plan->latency, .level = s->fade};
    atomic_init(&s->latency, plan->latency);
    atomic_init(&s->wanted_latency, plan->latency);
    atomic_init(&s->freewheel, options->freewheel);
    atomic_init(&s->wake_at, BSM_NEVER);
    atomic_init(&s->begun, BSM_NEVER);
    atomic_init(&s->due_from, 0);
    atomic_init(&s->due_to, s->voice->network ? BSM_NEVER : 0);
    atomic_init(&s->done, s->voice->network ? 0 : BSM_NEVER);
    atomic_init(&s->block, plan->block);
    announce(s, s->voice, options);
}

/* ---- The worker thread ---- */

static bsm_status start_worker(bsm_stream *s, bsm_error *error)
{
    int failure = bsm_quiet_thread(&s->worker, bsm_stream_worker, s);
    if (failure) {
        return bsm_fail(error, BSM_NO_MEMORY, "a stream's worker thread: %s", strerror(failure));
    }
    return BSM_OK;
}

static void free_parts(bsm_stream *s)
{
    free_rings(s);
    bsm_voice_free(s->voice);
    bsm_voice_free(s->next);
    bsm_voice_free(s->pending);
    free(s);
}

bsm_status bsm_stream_new(bsm_model *model, const bsm_stream_options *options, bsm_stream **stream,
                          bsm_error *error)
{
    bsm_stream *s = calloc(1, sizeof *s);
    if (!s) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a stream");
    }
    s->rate = options->sample_rate;
    s->max_block = options->max_block ? options->max_block : BSM_STREAM_MAX_BLOCK;
    bsm_status status = bsm_voice_new(model, NULL, options, &s->voice, error);
    if (!status) {
        set_initial_state(s, options);
        status = allocate_rings(s, error);
    }
    if (status) {
        free_parts(s);
        return status;
    }
    pthread_mutex_init(&s->lock, NULL);
    sem_init(&s->wake, 0, 0);
    sem_init(&s->progress, 0, 0);
    status = start_worker(s, error);
    if (status) {
        sem_destroy(&s->wake);
        sem_destroy(&s->progress);
        pthread_mutex_destroy(&s->lock);
        free_parts(s);
        return status;
    }
    *stream = s;
    return BSM_OK;
}

void bsm_stream_free(bsm_stream *s)
{
    if (!s) {
        return;
    }
    atomic_store(&s->quit, true);
    sem_post(&s->wake);
    pthread_join(s->worker, NULL);
    sem_destroy(&s->wake);
    sem_destroy(&s->progress);
    pthread_mutex_destroy(&s->lock);
    free_parts(s);
}

/* ---- Changes ---- */

/* Before the first sample, the audio thread has not read the latency yet. */
size_t bsm_stream_latency(const bsm_stream *s)
{
    return atomic_load(&s->written) ? atomic_load(&s->latency) : atomic_load(&s->wanted_latency);
}

void bsm_stream_reset(bsm_stream *s)
{
    atomic_store(&s->reset, true);
    sem_post(&s->wake);
}

void bsm_stream_set_freewheel(bsm_stream *s, bool freewheel)
{
    atomic_store(&s->freewheel, freewheel);
}

static bsm_status check_room(const bsm_stream *s, const bsm_voice *voice, bsm_error *error)
{
    if (ring_capacity(s, voice->plan.latency) > s->delay_mask + 1) {
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "a latency of %zu samples is more than this stream has room for: start a "
                        "new one, or with a longer max_latency",
                        voice->plan.latency);
    }
    return BSM_OK;
}

/* Options that are fixed when the stream is made are kept. */
static bsm_stream_options complete(bsm_stream *s, const bsm_stream_options *options,
                                   bsm_stream_plan *before)
{
    pthread_mutex_lock(&s->lock);
    bsm_stream_options all = options ? *options : s->options;
    all.sample_rate = s->rate;
    all.max_block = s->max_block;
    all.max_latency = s->options.max_latency;
    *before = s->plan;
    pthread_mutex_unlock(&s->lock);
    return all;
}

/* As long as nothing has been heard, there is no old delay to crossfade with. */
static void set_pending(bsm_stream *s, bsm_voice *voice, const bsm_stream_options *options)
{
    pthread_mutex_lock(&s->lock);
    bsm_voice *superseded = s->pending;
    s->pending = voice;
    atomic_store(&s->has_pending, true);
    announce(s, voice, options);
    if (atomic_load(&s->written) == 0) {
        atomic_store(&s->wanted_latency, voice->plan.latency);
    }
    pthread_mutex_unlock(&s->lock);
    sem_post(&s->wake);
    bsm_voice_free(superseded);
}

bsm_status bsm_stream_set(bsm_stream *s, bsm_model *model, const bsm_stream_options *options,
                          bsm_error *error)
{
    bsm_voice *voice = NULL;
    bsm_stream_plan before;
    const bsm_stream_options all = complete(s, options, &before);
    bsm_status status = bsm_voice_new(model, &before, &all, &voice, error);
    if (!status) {
        status = check_room(s, voice, error);
    }
    if (status) {
        bsm_voice_free(voice);
        return status;
    }
    set_pending(s, voice, &all);
    return BSM_OK;
}

/* ---- Queries ---- */

/* The load of the current block so far: the audio that has arrived since it was begun, divided by
 * the block's length. */
static double load_in_work(const bsm_stream *s, uint64_t written)
{
    const uint64_t begun = atomic_load(&s->begun);
    return begun < written ? (double)(written - begun) / (double)atomic_load(&s->block) : 0;
}

void bsm_stream_get_stats(const bsm_stream *s, bsm_stream_stats *stats)
{
    uint64_t read = atomic_load(&s->read), written = atomic_load(&s->written);
    const double in_work = load_in_work(s, written);
    *stats = (bsm_stream_stats){
        .load = fmax(atomic_load(&s->load), in_work),
        .mean_load = atomic_load(&s->mean_load),
        .worst_load = fmax(atomic_load(&s->worst_load), in_work),
        .late = written<atomic_load(&s->late_until), .processed = written,
                        .blocks = atomic_load(&s->blocks), .misses = atomic_load(&s->misses),
                        .dry_samples = atomic_load(&s->dry_samples),
                        .dropped = atomic_load(&s->dropped),
                        .nonfinite = atomic_load(&s->nonfinite), .fill = written>
                        read
                    ? (double)(written - read) / (double)s->rate
                    : 0,
        .commit = atomic_load(&s->commit),
        .lookahead = atomic_load(&s->lookahead),
        .history = atomic_load(&s->history),
        .segment = atomic_load(&s->segment),
        .warmup = atomic_load(&s->warmup),
        .latency = bsm_stream_latency(s),
        .status = (bsm_status)atomic_load(&s->status),
    };
}

bool bsm_stream_failure(const bsm_stream *s, char *line, size_t size)
{
    bsm_status status = (bsm_status)atomic_load(&s->status);
    if (!status) {
        return false;
    }
    if (!bsm_failure_get(&s->failure, line, size)) {
        const char *phrase = bsm_strerror(status);
        size_t length = strnlen(phrase, size - 1);
        memcpy(line, phrase, length);
        line[length] = '\0';
    }
    return true;
}

void bsm_stream_device_name(bsm_stream *s, char *name, size_t size)
{
    pthread_mutex_lock(&s->lock);
    snprintf(name, size, "%s", s->device_name);
    pthread_mutex_unlock(&s->lock);
}
