/* SPDX-License-Identifier: ISC */
/* Reads a track's mixture as a signal, and its sources with a delay. */
#include "validate/validate_track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "file/parts.h"
#include "signal/signal.h"

enum { BLOCK = 4096 };

/* The file of the mixture or of a source, if there is one. */
typedef struct track_part {
    const char *path;
    bsm_source *source; /* NULL without a file, or at its end */
    uint64_t length;    /* samples at the signal's rate, or BSM_UNKNOWN_FRAMES */
    uint64_t position;
} track_part;

struct bsm_track_signal {
    size_t rate, channels, num_parts;
    track_part *parts; /* the mixture, then each source */
    size_t derived;    /* index of the part that is the mixture minus all others; 0: none */
    uint64_t left;     /* the most samples that may still be given */
    float **block;     /* [part][channel][BLOCK] */
    bsm_sample_queue queue;
};

/* ---- Opening ---- */

static bsm_status open_part(bsm_track_signal *signal, track_part *part, bsm_error *error)
{
    bsm_status status =
        bsm_source_open(part->path, signal->rate, signal->channels, &part->source, error);
    if (status) {
        return status;
    }
    const bsm_audio_info *info = bsm_source_info(part->source);
    part->length = info->frames;
    if (info->frames != BSM_UNKNOWN_FRAMES) {
        part->length =
            (uint64_t)llround((double)info->frames * (double)signal->rate / (double)info->rate);
    }
    if (bsm_source_channels(part->source) > signal->channels) {
        signal->channels = bsm_source_channels(part->source);
    }
    return BSM_OK;
}

static bsm_status open_parts(bsm_track_signal *signal, const bsm_track *track, bsm_error *error)
{
    bsm_status status = BSM_OK;
    size_t missing = 0;
    for (size_t p = 0; p < signal->num_parts && !status; p++) {
        track_part *part = &signal->parts[p];
        part->path = p == 0 ? track->mixture : track->sources[p - 1];
        if (part->path) {
            status = open_part(signal, part, error);
        } else {
            missing++;
            signal->derived = p;
        }
    }
    if (!track->mixture || missing != 1) {
        signal->derived = 0;
    }
    return status;
}

static uint64_t track_length(const bsm_track_signal *signal)
{
    uint64_t length = 0;
    for (size_t p = 0; p < signal->num_parts; p++) {
        const track_part *part = &signal->parts[p];
        if (part->path && part->length > length) {
            length = part->length; /* BSM_UNKNOWN_FRAMES is the largest number */
        }
        if (p == 0 && part->path) {
            return length;
        }
    }
    return length;
}

static bsm_status skip(bsm_track_signal *signal, uint64_t count, bsm_error *error);

/* Start such that the part comes from the middle of the track, or at its start if its length is
 * unknown. */
static bsm_status set_excerpt(bsm_track_signal *signal, double max_seconds, bsm_error *error)
{
    const uint64_t length = track_length(signal);
    const uint64_t most = (uint64_t)llround(max_seconds * (double)signal->rate);
    signal->left = length;
    if (most == 0 || most >= length) {
        return BSM_OK;
    }
    signal->left = most;
    return length == BSM_UNKNOWN_FRAMES ? BSM_OK : skip(signal, (length - most) / 2, error);
}

bsm_status bsm_track_signal_open(const bsm_track *track, size_t num_sources, size_t rate,
                                 size_t channels, double max_seconds, bsm_track_signal **signal,
                                 bsm_error *error)
{
    *signal = NULL;
    bsm_track_signal *made = calloc(1, sizeof *made);
    if (!made || !(made->parts = calloc(1 + num_sources, sizeof *made->parts))) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", track->name);
    }
    made->rate = rate;
    made->channels = channels;
    made->num_parts = 1 + num_sources;
    bsm_status status = open_parts(made, track, error);
    if (!status) {
        made->block = bsm_planes_new(made->num_parts * made->channels, BLOCK);
        bsm_sample_queue_init(&made->queue, made->num_parts * made->channels);
        status = made->block ? set_excerpt(made, max_seconds, error)
                             : bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", track->name);
    }
    if (status) {
        bsm_track_signal_free(made);
        return status;
    }
    *signal = made;
    return BSM_OK;
}

void bsm_track_signal_free(bsm_track_signal *signal)
{
    if (signal) {
        for (size_t p = 0; p < signal->num_parts; p++) {
            bsm_source_free(signal->parts[p].source);
        }
        bsm_sample_queue_clear(&signal->queue);
        free(signal->parts);
        free(signal->block);
        free(signal);
    }
}

size_t bsm_track_signal_channels(const bsm_track_signal *signal)
{
    return signal->channels;
}

/* ---- Reading ---- */

/* Handle the end of a file, which may lack a few samples at most. Conversion of the rate rounds by
 * up to one sample. */
static bsm_status end_part(const bsm_track_signal *signal, track_part *part, bsm_error *error)
{
    const bsm_audio_info info = *bsm_source_info(part->source);
    bsm_source_free(part->source);
    part->source = NULL;
    if (info.nonfinite) {
        bsm_log("%s: %llu samples are not numbers (NaN or infinite): taken as 0", part->path,
                (unsigned long long)info.nonfinite);
    }
    if (info.missing) {
        const double there = (double)part->position / (double)signal->rate;
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: is damaged: ends after %.3f of %.3f s",
                        part->path, there, there + (double)info.missing / (double)info.rate);
    }
    if (part->length != BSM_UNKNOWN_FRAMES && part->position + 1 < part->length) {
        bsm_log("%s: ends %llu samples before its header says: used as it is", part->path,
                (unsigned long long)(part->length - part->position));
    }
    return BSM_OK;
}

/* Read up to `count` samples of a part in all channels, followed by silence. */
static bsm_status read_part(const bsm_track_signal *signal, track_part *part, float *const *planes,
                            size_t count, size_t *got, bsm_error *error)
{
    *got = 0;
    bsm_status status = BSM_OK;
    if (part->source) {
        const size_t channels = bsm_source_channels(part->source);
        const bsm_signal file = bsm_source_signal(part->source);
        status = file.read(file.user, planes, count, got, error);
        for (size_t c = channels; c < signal->channels; c++) {
            memcpy(planes[c], planes[0], *got * sizeof(float));
        }
        part->position += *got;
    }
    for (size_t c = 0; c < signal->channels; c++) {
        memset(planes[c] + *got, 0, (count - *got) * sizeof(float));
    }
    if (part->source && *got < count && !status) {
        status = end_part(signal, part, error);
    }
    return status;
}

static void add(float *sum, const float *values, float factor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum[i] += factor * values[i];
    }
}

/* Compute a mixture without a file from its sources, and a source without one from the mixture. */
static void complete(const bsm_track_signal *signal, size_t count)
{
    const size_t channels = signal->channels;
    for (size_t c = 0; c < channels; c++) {
        float *mixture = signal->block[c], *rest = signal->block[signal->derived * channels + c];
        if (signal->derived) {
            memcpy(rest, mixture, count * sizeof(float));
        }
        for (size_t p = 1; p < signal->num_parts; p++) {
            const float *source = signal->block[p * channels + c];
            if (signal->derived && p != signal->derived) {
                add(rest, source, -1, count);
            } else if (!signal->parts[0].path) {
                add(mixture, source, 1, count);
            }
        }
    }
}

/* Read up to BLOCK samples of all parts into `block`; fewer at the track's end. */
static bsm_status read_block(bsm_track_signal *signal, size_t count, size_t *got, bsm_error *error)
{
    *got = 0;
    bsm_status status = BSM_OK;
    for (size_t p = 0; p < signal->num_parts && !status; p++) {
        size_t have = 0;
        status = read_part(signal, &signal->parts[p], signal->block + p * signal->channels, count,
                           &have, error);
        if (have > *got && (p == 0 || !signal->parts[0].path)) {
            *got = have;
        }
    }
    if (!status) {
        complete(signal, *got);
    }
    return status;
}

static bsm_status skip(bsm_track_signal *signal, uint64_t count, bsm_error *error)
{
    bsm_status status = BSM_OK;
    size_t got = 1;
    for (; count > 0 && got > 0 && !status; count -= got) {
        status = read_block(signal, count < BLOCK ? (size_t)count : BLOCK, &got, error);
    }
    return status;
}

static bsm_status read_mixture(void *user, float *const *audio, size_t count, size_t *got,
                               bsm_error *error)
{
    bsm_track_signal *signal = user;
    *got = 0;
    bsm_status status = BSM_OK;
    size_t have = 1;
    count = signal->left < count ? (size_t)signal->left : count;
    while (*got < count && have > 0 && !status) {
        status = read_block(signal, count - *got < BLOCK ? count - *got : BLOCK, &have, error);
        if (!status) {
            status = bsm_sample_queue_push(&signal->queue, (const float *const *)signal->block,
                                           have, error);
        }
        for (size_t c = 0; c < signal->channels && !status; c++) {
            memcpy(audio[c] + *got, signal->block[c], have * sizeof(float));
        }
        *got += have;
    }
    signal->left -= *got;
    return status;
}

bsm_signal bsm_track_signal_mixture(bsm_track_signal *signal)
{
    return (bsm_signal){signal, read_mixture};
}

size_t bsm_track_signal_take(bsm_track_signal *signal, float *const *planes, size_t count)
{
    return bsm_sample_queue_pop(&signal->queue, planes, count);
}
