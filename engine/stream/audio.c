/* SPDX-License-Identifier: ISC */
/* The audio thread's part of a live stream: it copies, fades and counts. */
#include <float.h>
#include <math.h>
#include <time.h>

#include "stream/state.h"

/* One sample of both channels. */
typedef struct stereo {
    float left, right;
} stereo;

typedef struct mix {
    stereo dry, vocals;
} mix;

/* ---- Input ---- */

/* Denormals would slow the network down, and what is not a number would stay in its state. */
static float clean(float sample, uint64_t *nonfinite)
{
    if (!isfinite(sample)) {
        (*nonfinite)++;
        return 0;
    }
    return fabsf(sample) < FLT_MIN ? 0 : sample;
}

static void take_input(bsm_stream *s, const float *const in[2], size_t frames)
{
    uint64_t nonfinite = 0;
    for (size_t i = 0; i < frames; i++) {
        uint64_t time = s->position + i;
        float left = clean(in[0][i], &nonfinite), right = clean(in[1][i], &nonfinite);
        float *delayed = s->delay + (time & s->delay_mask) * 2;
        delayed[0] = left;
        delayed[1] = right;
        bsm_timeline_put(&s->input, time, 0, left);
        bsm_timeline_put(&s->input, time, 1, right);
    }
    if (nonfinite) {
        atomic_fetch_add_explicit(&s->nonfinite, nonfinite, memory_order_relaxed);
    }
}

/* Sequentially consistent, with the worker's wait: either it sees the samples or we see it wait. */
static void publish_input(bsm_stream *s, uint64_t written)
{
    atomic_store(&s->written, written);
    uint64_t wake_at = atomic_load(&s->wake_at);
    if (wake_at <= written && atomic_compare_exchange_strong(&s->wake_at, &wake_at, BSM_NEVER)) {
        sem_post(&s->wake);
    }
}

/* ---- Output ---- */

static bool is_due(const bsm_stream *s, uint64_t time)
{
    return time < atomic_load(&s->due_to) && time >= atomic_load(&s->due_from);
}

/* A gap counts as one miss for each block that it is long. */
static void count_gap(bsm_stream *s, bsm_stream_tap *tap, size_t block)
{
    if (!tap->gap || tap->gap_left == 0) {
        tap->gap = true;
        tap->gap_left = block;
        atomic_fetch_add_explicit(&s->misses, 1, memory_order_relaxed);
    }
    tap->gap_left--;
}

/* The vocals fade out before they are missing and in when they are back: so look one fade ahead. */
static void move_level(bsm_stream *s, bsm_stream_tap *tap, uint64_t time, size_t block)
{
    if (bsm_timeline_has(&s->output, time + s->fade)) {
        tap->gap = false;
        tap->level += tap->level < s->fade;
        return;
    }
    if (is_due(s, time + s->fade)) {
        count_gap(s, tap, block);
    }
    tap->level -= tap->level > 0;
}

static mix read_tap(bsm_stream *s, bsm_stream_tap *tap, uint64_t now, size_t block)
{
    mix out = {0};
    if (now < tap->latency) {
        return out;
    }
    uint64_t time = now - tap->latency;
    const float *delayed = s->delay + (time & s->delay_mask) * 2;
    out.dry = (stereo){delayed[0], delayed[1]};

    move_level(s, tap, time, block);
    stereo vocals;
    if (!bsm_timeline_get(&s->output, time, 0, &vocals.left) ||
        !bsm_timeline_get(&s->output, time, 1, &vocals.right)) {
        tap->level = 0;
    } else if (tap->level == s->fade) {
        out.vocals = vocals;
    } else {
        float gain = (float)tap->level / (float)s->fade;
        out.vocals = (stereo){gain * vocals.left, gain * vocals.right};
    }
    if (tap->level < s->fade && is_due(s, time)) {
        atomic_fetch_add_explicit(&s->dry_samples, 1, memory_order_relaxed);
    }
    return out;
}

static float blend(float a, float b, float part)
{
    return a + part * (b - a);
}

static stereo blend_stereo(stereo a, stereo b, float part)
{
    return (stereo){blend(a.left, b.left, part), blend(a.right, b.right, part)};
}

/* To the sample: behind the place that the worker has chosen, the old delay has no vocals. */
static void begin_latency_change(bsm_stream *s, uint64_t now)
{
    if (s->change_left > 0 || atomic_load_explicit(&s->change_at, memory_order_acquire) > now) {
        return;
    }
    s->taps[1] = s->taps[0];
    s->taps[1].latency = atomic_load(&s->change_to);
    s->change_left = s->fade;
    atomic_store(&s->change_at, BSM_NEVER);
}

/* While the latency changes, both delays sound, the old one fading out. */
static mix next_mix(bsm_stream *s, uint64_t now, size_t block)
{
    begin_latency_change(s, now);
    mix out = read_tap(s, &s->taps[0], now, block);
    if (s->change_left > 0) {
        mix next = read_tap(s, &s->taps[1], now, block);
        float part = 1 - (float)s->change_left / (float)s->fade;
        out.dry = blend_stereo(out.dry, next.dry, part);
        out.vocals = blend_stereo(out.vocals, next.vocals, part);
        if (--s->change_left == 0) {
            s->taps[0] = s->taps[1];
        }
    }
    return out;
}

static void write_output(bsm_stream *s, float *const vocals[2], float *const instrumental[2],
                         size_t frames)
{
    size_t block = atomic_load_explicit(&s->block, memory_order_relaxed);
    for (size_t i = 0; i < frames; i++) {
        mix out = next_mix(s, s->position + i, block);
        const float v[2] = {out.vocals.left, out.vocals.right};
        const float rest[2] = {out.dry.left - v[0], out.dry.right - v[1]};
        for (size_t c = 0; c < 2; c++) {
            if (vocals[c]) {
                vocals[c][i] = v[c];
            }
            if (instrumental[c]) {
                instrumental[c][i] = rest[c];
            }
        }
    }
}

/* ---- Freewheel ---- */

/* Behind the last position whose presence a tap looks at before position `end`. */
static uint64_t needed_by(const bsm_stream *s, size_t latency, uint64_t end)
{
    return end + s->fade > latency ? end + s->fade - latency : 0;
}

/* Of both taps: when the latency grows, what the old one would look at later will not be there. */
static uint64_t needed(const bsm_stream *s, size_t frames)
{
    const uint64_t end = s->position + frames, change_at = atomic_load(&s->change_at);
    uint64_t old_end = end;
    size_t next = s->taps[0].latency;
    if (s->change_left > 0) {
        old_end = s->position + s->change_left;
        next = s->taps[1].latency;
    } else if (change_at < end) {
        old_end = (change_at > s->position ? change_at : s->position) + s->fade;
        next = atomic_load(&s->change_to);
    }
    const uint64_t old = needed_by(s, s->taps[0].latency, old_end < end ? old_end : end);
    const uint64_t new = needed_by(s, next, end);
    return old > new ? old : new;
}

/* A first model, set while there is none, is waited for, too: its results begin where it is taken.
 */
static bool must_wait(const bsm_stream *s, size_t frames)
{
    uint64_t done = atomic_load(&s->done);
    bool first_model = done == BSM_NEVER && atomic_load(&s->has_pending);
    return (done < needed(s, frames) || first_model) && atomic_load(&s->freewheel) &&
           !atomic_load(&s->quit);
}

static void wait_for_results(bsm_stream *s, size_t frames)
{
    while (must_wait(s, frames)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1; /* only so that a change of `freewheel` is seen in the end */
        sem_timedwait(&s->progress, &until);
    }
}

void bsm_stream_process(bsm_stream *s, const float *const in[2], float *const vocals[2],
                        float *const instrumental[2], size_t frames)
{
    if (frames == 0 || frames > s->max_block) {
        return;
    }
    take_input(s, in, frames);
    publish_input(s, s->position + frames);
    if (atomic_load_explicit(&s->freewheel, memory_order_relaxed)) {
        wait_for_results(s, frames);
    }
    write_output(s, vocals, instrumental, frames);
    s->position += frames;
}
