/* SPDX-License-Identifier: ISC */
#include "handover.h"

#include <stdlib.h>
#include <string.h>

enum { FADES_PER_SECOND = 50, PLANES = 8 };

/* ---- Life ---- */

static void start(bsm_handover *h, bsm_delivery *delivery)
{
    h->stream = delivery->stream;
    delivery->stream = NULL;
    h->newest = delivery;
    h->age = 0;
}

bsm_status bsm_handover_init(bsm_handover *handover, bsm_loader *loader, bsm_error *error)
{
    *handover = (bsm_handover){.loader = loader,
                               .room = loader->max_block,
                               .fade = loader->sample_rate / FADES_PER_SECOND};
    handover->scratch = calloc(PLANES * handover->room, sizeof *handover->scratch);
    if (!handover->scratch) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for an instance of the plugin");
    }
    start(handover, bsm_loader_take(loader));
    return BSM_OK;
}

void bsm_handover_free(bsm_handover *handover)
{
    bsm_stream_free(handover->stream);
    bsm_delivery_free(handover->newest);
    bsm_delivery_free(handover->hearse);
    free(handover->scratch);
}

static void discard(bsm_handover *h, bsm_delivery *delivery)
{
    bsm_loader_discard(h->loader, delivery);
    h->to_collect = true;
}

static void end_change(bsm_handover *h)
{
    bsm_stream_stats stats;
    bsm_stream_get_stats(h->outgoing, &stats);
    h->misses_before += stats.misses;
    h->outgoing = NULL;
    discard(h, h->hearse);
    h->hearse = NULL;
}

void bsm_handover_restart(bsm_handover *handover)
{
    if (handover->outgoing) {
        end_change(handover);
    }
    bsm_stream_reset(handover->stream);
    handover->silence_left = handover->age > 0 ? bsm_stream_latency(handover->stream) : 0;
}

/* ---- A new stream ---- */

static bool fading(const bsm_handover *h)
{
    return h->outgoing && h->warm_left == 0;
}

/* `last` carries away a stream that nobody has heard, or the one that is heard later. */
static void begin_change(bsm_handover *h, bsm_delivery *last)
{
    if (h->outgoing || h->age < bsm_stream_latency(h->stream)) {
        last->retired = h->stream;
        discard(h, last);
    } else {
        last->retired = h->stream;
        h->hearse = last;
        h->outgoing = h->stream;
    }
}

bool bsm_handover_receive(bsm_handover *handover)
{
    bsm_delivery *delivery = fading(handover) ? NULL : bsm_loader_take(handover->loader);
    if (!delivery) {
        return false;
    }
    bsm_delivery *last = handover->newest;
    if (delivery->stream) {
        begin_change(handover, last);
        start(handover, delivery);
        handover->warm_left = bsm_stream_latency(handover->stream);
        handover->fade_left = handover->fade;
    } else {
        handover->newest = delivery;
        discard(handover, last);
    }
    return true;
}

/* ---- Sound ---- */

static float *plane(const bsm_handover *h, size_t number)
{
    return h->scratch + number * h->room;
}

/* From planes `first` on: vocals left and right, instrumental left and right. */
static void process_into(bsm_handover *h, bsm_stream *stream, size_t first,
                         const float *const in[2], size_t frames)
{
    float *vocals[2] = {plane(h, first), plane(h, first + 1)};
    float *instrumental[2] = {plane(h, first + 2), plane(h, first + 3)};
    bsm_stream_process(stream, in, vocals, instrumental, frames);
}

/* How much of the new stream is heard at the next sample: 0 to 1. */
static float next_part(bsm_handover *h)
{
    if (h->warm_left > 0) {
        h->warm_left--;
        return 0;
    }
    if (h->fade_left > 0) {
        h->fade_left--;
        return 1 - (float)h->fade_left / (float)h->fade;
    }
    return 1;
}

static void crossfade(bsm_handover *h, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        float part = next_part(h);
        for (size_t p = 0; p < PLANES / 2 && part < 1; p++) {
            float *sample = plane(h, p) + i, old = plane(h, p + PLANES / 2)[i];
            *sample = part > 0 ? old + part * (*sample - old) : old;
        }
    }
    if (h->fade_left == 0) {
        end_change(h);
    }
}

static void silence(bsm_handover *h, size_t frames)
{
    size_t count = frames < h->silence_left ? frames : h->silence_left;
    for (size_t p = 0; p < PLANES / 2; p++) {
        memset(plane(h, p), 0, count * sizeof(float));
    }
    h->silence_left -= count;
}

bsm_parts bsm_handover_process(bsm_handover *handover, const float *const in[2], size_t frames)
{
    process_into(handover, handover->stream, 0, in, frames);
    handover->age += frames;
    if (handover->outgoing) {
        process_into(handover, handover->outgoing, PLANES / 2, in, frames);
        crossfade(handover, frames);
    }
    if (handover->silence_left > 0) {
        silence(handover, frames);
    }
    return (bsm_parts){.vocals = {plane(handover, 0), plane(handover, 1)},
                       .instrumental = {plane(handover, 2), plane(handover, 3)}};
}

/* ---- Controls and figures ---- */

void bsm_handover_set_freewheel(bsm_handover *handover, bool freewheel)
{
    bsm_stream_set_freewheel(handover->stream, freewheel);
    if (handover->outgoing) {
        bsm_stream_set_freewheel(handover->outgoing, freewheel);
    }
}

size_t bsm_handover_latency(const bsm_handover *handover)
{
    bool old = handover->outgoing && handover->warm_left > 0;
    return bsm_stream_latency(old ? handover->outgoing : handover->stream);
}

bsm_stream_stats bsm_handover_stats(const bsm_handover *handover)
{
    bsm_stream_stats stats;
    bsm_stream_get_stats(handover->stream, &stats);
    stats.misses += handover->misses_before;
    return stats;
}
