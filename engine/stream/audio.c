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

/* Denormals would slow the network down, and numbers that are not finite would stay in its
 * state. */
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

/* The order is sequentially consistent, also with the worker's wait: either the worker sees the
 * samples, or this thread sees that the worker waits. */
static void publish_input(bsm_stream *s, uint64_t written)
{
    atomic_store(&s->written, written);
    uint64_t wake_at = atomic_load(&s->wake_at);
    if (wake_at <= written && atomic_compare_exchange_strong(&s->wake_at, &wake_at, BSM_NEVER)) {
        sem_post(&s->wake);
    }
}

/* ---- Output ---- */

enum { LATE_SECONDS = 2 };

static bool is_due(const bsm_stream *s, uint64_t time)
{
    return time < atomic_load(&s->due_to) && time >= atomic_load(&s->due_from);
}

/* Whether the mixture alone is heard although results are due. At the beginning and the end of a
 * voice, which fades in and out, that is intended and does not count. */
static bool is_dry(const bsm_stream *s, uint64_t time)
{
    const uint64_t before = time > s->fade ? time - s->fade : 0;
    return is_due(s, before) && is_due(s, time + s->fade);
}

/* Count a gap as one miss for each block of its length. */
static void count_gap(bsm_stream *s, bsm_stream_tap *tap, size_t block)
{
    if (!tap->gap || tap->gap_left == 0) {
        tap->gap = true;
        tap->gap_left = block;
        atomic_fetch_add_explicit(&s->misses, 1, memory_order_relaxed);
        atomic_store(&s->late_until, s->position + LATE_SECONDS * s->rate + 2 * block);
    }
    tap->gap_left--;
}

/* The vocals fade out before they are missing and fade in once they are back, so this looks one
 * fade ahead, or as far as this tap will be heard. */
static void move_level(bsm_stream *s, bsm_stream_tap *tap, uint64_t time, size_t block)
{
    if (bsm_timeline_has(&s->output, time + (block ? s->fade : s->change_left - 1))) {
        tap->gap = false;
        tap->level += tap->level < s->fade;
        return;
    }
    if (block && is_due(s, time + s->fade)) {
        count_gap(s, tap, block);
    }
    tap->level -= tap->level > 0;
}

/* Input from before the start is not output. */
static bool is_silent(const bsm_stream *s, uint64_t now, size_t latency)
{
    return now < latency + s->heard_from;
}

/* `block` is the length for which a gap counts as one miss. If it is 0, the tap fades out, and
 * only the other tap counts misses. */
static mix read_tap(bsm_stream *s, bsm_stream_tap *tap, uint64_t now, size_t block)
{
    mix out = {0};
    if (is_silent(s, now, tap->latency)) {
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
    if (block && tap->level < s->fade && is_dry(s, time)) {
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

/* Make the tap that fades in as a whole: its vocals have their full level at once if they are
 * there. */
static bsm_stream_tap new_tap(const bsm_stream *s, uint64_t now, size_t latency)
{
    const uint64_t time = now - latency;
    const bool whole = is_silent(s, now, latency) || (bsm_timeline_has(&s->output, time) &&
                                                      bsm_timeline_has(&s->output, time + s->fade));
    return (bsm_stream_tap){.latency = latency, .level = whole ? s->fade : 0};
}

static void begin_latency_change(bsm_stream *s, uint64_t now)
{
    if (s->change_left == 0 && s->next_latency != s->taps[0].latency) {
        s->taps[1] = new_tap(s, now, s->next_latency);
        s->change_left = s->fade;
        atomic_store(&s->latency, s->next_latency);
    }
}

/* While the latency changes, both delays are heard, and the old one fades out. */
static mix next_mix(bsm_stream *s, uint64_t now, size_t block)
{
    begin_latency_change(s, now);
    if (s->change_left == 0) {
        return read_tap(s, &s->taps[0], now, block);
    }
    const float part = 1 - (float)s->change_left / (float)s->fade;
    const mix old = read_tap(s, &s->taps[0], now, 0);
    const mix new = read_tap(s, &s->taps[1], now, block);
    if (--s->change_left == 0) {
        s->taps[0] = s->taps[1];
    }
    return (mix){blend_stereo(old.dry, new.dry, part), blend_stereo(old.vocals, new.vocals, part)};
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

/* The end of the positions that this call looks at. A tap that fades out needs no more than the
 * last call needed, and when the latency grows, there would never be more. */
static uint64_t needed(const bsm_stream *s, size_t frames)
{
    const uint64_t end = s->position + frames + s->fade;
    return end > s->next_latency ? end - s->next_latency : 0;
}

/* If the first model is set while there is none, this waits for it, too: its results begin at the
 * position where it is taken. */
static bool must_wait(bsm_stream *s, size_t frames)
{
    s->next_latency = atomic_load(&s->wanted_latency);
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
        until.tv_sec += 1; /* wakes up regularly only to notice when `freewheel` changes */
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
    s->next_latency = atomic_load(&s->wanted_latency);
    if (atomic_load_explicit(&s->freewheel, memory_order_relaxed)) {
        wait_for_results(s, frames);
    }
    write_output(s, vocals, instrumental, frames);
    s->position += frames;
}

void bsm_stream_restart(bsm_stream *s)
{
    s->heard_from = s->position;
    bsm_stream_reset(s);
}
