/* SPDX-License-Identifier: ISC */
/* Reads pieces of clips. */
#include "data/mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/audio_reader.h"
#include "signal/signal.h"

enum {
    MAX_OPEN = 8,
    MAX_CHANNELS = 2,
    /* samples to read around a piece, so that its ends do not affect the resampler */
    MARGIN = 1024,
};

typedef struct open_clip {
    const char *path; /* the clip's path: equal pointers mean the same file */
    bsm_audio_reader *file;
    uint64_t used; /* increases with each use */
} open_clip;

struct bsm_clip_reader {
    size_t rate, channels, num_sources;
    open_clip open[MAX_OPEN];
    uint64_t uses;
    float **in, **out; /* [channels][]: at the file's rate, and resampled */
    float **rest;      /* [channels][]: to be subtracted from a mixture */
    size_t in_room, out_room, rest_room;
    const bsm_clip **less; /* [num_sources] */
};

bsm_status bsm_clip_reader_new(size_t rate, size_t channels, size_t num_sources,
                               bsm_clip_reader **reader, bsm_error *error)
{
    *reader = NULL;
    bsm_clip_reader *made = calloc(1, sizeof *made);
    if (!made || !(made->less = calloc(num_sources, sizeof *made->less))) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "reader of training data: out of memory");
    }
    made->rate = rate;
    made->channels = channels;
    made->num_sources = num_sources;
    *reader = made;
    return BSM_OK;
}

void bsm_clip_reader_free(bsm_clip_reader *reader)
{
    if (reader) {
        for (size_t i = 0; i < MAX_OPEN; i++) {
            bsm_audio_reader_free(reader->open[i].file);
        }
        free(reader->in);
        free(reader->out);
        free(reader->rest);
        free(reader->less);
        free(reader);
    }
}

/* ---- Files ---- */

/* The slot of this clip, or of the clip that was not used for the longest time. */
static open_clip *find_place(bsm_clip_reader *reader, const bsm_clip *clip)
{
    open_clip *oldest = &reader->open[0];
    for (size_t i = 0; i < MAX_OPEN; i++) {
        if (reader->open[i].path == clip->path) {
            return &reader->open[i];
        }
        if (reader->open[i].used < oldest->used) {
            oldest = &reader->open[i];
        }
    }
    return oldest;
}

static void close_clip(open_clip *place)
{
    bsm_audio_reader_free(place->file);
    *place = (open_clip){0};
}

static bsm_status open_file(open_clip *place, const bsm_clip *clip, bsm_error *error)
{
    close_clip(place);
    bsm_status status = bsm_audio_reader_open(clip->path, &place->file, error);
    if (status) {
        return status;
    }
    const bsm_audio_info *info = bsm_audio_reader_info(place->file);
    if (info->rate != clip->activity.rate || info->channels != clip->activity.channels) {
        close_clip(place);
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: has changed since training began", clip->path);
    }
    place->path = clip->path;
    return BSM_OK;
}

/* Skip by reading, for files without seeking. */
static bsm_status pass_over(bsm_audio_reader *file, uint64_t frames, bsm_error *error)
{
    float left[4096], right[4096], *audio[MAX_CHANNELS] = {left, right};
    size_t got = 1;
    while (frames > 0 && got > 0) {
        bsm_status status =
            bsm_audio_reader_read(file, audio, frames < 4096 ? (size_t)frames : 4096, &got, error);
        if (status) {
            return status;
        }
        frames -= got;
    }
    return BSM_OK;
}

static bsm_status open_at(bsm_clip_reader *reader, const bsm_clip *clip, uint64_t frame,
                          open_clip **place, bsm_error *error)
{
    *place = find_place(reader, clip);
    (*place)->used = ++reader->uses;
    bsm_status status = BSM_OK;
    if ((*place)->path != clip->path) {
        status = open_file(*place, clip, error);
        (*place)->used = reader->uses;
    }
    if (!status && bsm_audio_reader_seek((*place)->file, frame, NULL)) {
        status = open_file(*place, clip, error);
        (*place)->used = reader->uses;
        if (!status) {
            status = pass_over((*place)->file, frame, error);
        }
    }
    return status;
}

/* Read `count` samples from `frame` on, all of which lie inside the clip. */
static bsm_status read_file(bsm_clip_reader *reader, const bsm_clip *clip, uint64_t frame,
                            float *const *audio, size_t count, bsm_error *error)
{
    open_clip *place;
    size_t got = 0;
    bsm_status status = open_at(reader, clip, frame, &place, error);
    if (!status) {
        status = bsm_audio_reader_read(place->file, audio, count, &got, error);
    }
    for (size_t c = 0; c < clip->activity.channels && !status; c++) {
        memset(audio[c] + got, 0, (count - got) * sizeof(float));
    }
    /* Encoders lose up to a twentieth of a second; the audio reader does not call it damage,
     * either. */
    if (!status && count - got > clip->activity.rate / 20) {
        status = bsm_fail(error, BSM_BAD_AUDIO, "%s: damaged: nothing to read after %llu samples",
                          clip->path, (unsigned long long)(frame + got));
    }
    if (status) {
        close_clip(place);
    }
    return status;
}

/* ---- Conversion ---- */

static bool make_room(float ***planes, size_t *room, size_t needed)
{
    if (*room < needed) {
        free(*planes);
        *planes = bsm_planes_new(MAX_CHANNELS, needed);
        *room = *planes ? needed : 0;
    }
    return *planes;
}

/* Replace two channels by their mean if one is wanted; returns the number of channels. */
static size_t mix_down(const bsm_clip_reader *reader, const bsm_clip *clip, float *const *audio,
                       size_t count)
{
    if (reader->channels == 1 && clip->activity.channels == 2) {
        for (size_t i = 0; i < count; i++) {
            audio[0][i] = 0.5F * (audio[0][i] + audio[1][i]);
        }
        return 1;
    }
    return clip->activity.channels;
}

static bsm_status resample(bsm_clip_reader *reader, size_t lanes, size_t from_rate, size_t count,
                           size_t wanted, size_t *made, bsm_error *error)
{
    bsm_resampler *resampler;
    bsm_status status = bsm_resampler_new(from_rate, reader->rate, lanes, &resampler, error);
    size_t at = 0;
    bool drained = false;
    *made = 0;
    while (!status && *made < wanted && !drained) {
        float *in[MAX_CHANNELS], *out[MAX_CHANNELS];
        size_t used = 0, given = 0;
        const bool end = at == count;
        bsm_planes_at(reader->in, lanes, at, in);
        bsm_planes_at(reader->out, lanes, *made, out);
        status = bsm_resampler_process(resampler, end ? NULL : (const float *const *)in, count - at,
                                       &used, out, wanted - *made, &given, error);
        at += used;
        *made += given;
        drained = end && given == 0;
    }
    bsm_resampler_free(resampler);
    return status;
}

/** A piece of a file. */
typedef struct piece {
    uint64_t frame; /* the first wanted sample */
    size_t before;  /* samples of margin before it */
    size_t count;   /* samples to read in total */
} piece;

static piece find_piece(const bsm_clip *clip, double start, size_t wanted, size_t margin)
{
    const uint64_t frames = clip->activity.frames;
    uint64_t frame = (uint64_t)llround(start * (double)clip->activity.rate);
    frame = frame < frames ? frame : frames;
    const size_t before = frame < margin ? (size_t)frame : margin;
    const uint64_t left = frames - (frame - before);
    const size_t count = before + wanted + margin;
    return (piece){frame, before, left < count ? (size_t)left : count};
}

static bsm_status read_resampled(bsm_clip_reader *reader, const bsm_clip *clip, double start,
                                 size_t from_rate, float *const *audio, size_t samples,
                                 bsm_error *error)
{
    const double ratio = (double)from_rate / (double)reader->rate;
    const size_t needed = (size_t)ceil((double)samples * ratio) + 1;
    const piece p = find_piece(clip, start, needed, MARGIN);
    const size_t skipped = (size_t)llround((double)p.before / ratio);
    if (!make_room(&reader->in, &reader->in_room, p.count) ||
        !make_room(&reader->out, &reader->out_room, skipped + samples)) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", clip->path);
    }
    bsm_status status = read_file(reader, clip, p.frame - p.before, reader->in, p.count, error);
    size_t made = 0;
    const size_t lanes = mix_down(reader, clip, reader->in, p.count);
    if (!status) {
        status = resample(reader, lanes, from_rate, p.count, skipped + samples, &made, error);
    }
    made = made > skipped ? made - skipped : 0;
    for (size_t c = 0; c < lanes && !status; c++) {
        memcpy(audio[c], reader->out[c] + skipped, made * sizeof(float));
        memset(audio[c] + made, 0, (samples - made) * sizeof(float));
    }
    return status;
}

static bsm_status read_plain(bsm_clip_reader *reader, const bsm_clip *clip, double start,
                             float *const *audio, size_t samples, bsm_error *error)
{
    const piece p = find_piece(clip, start, samples, 0);
    if (!make_room(&reader->in, &reader->in_room, samples)) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", clip->path);
    }
    bsm_status status = read_file(reader, clip, p.frame, reader->in, p.count, error);
    const size_t lanes = mix_down(reader, clip, reader->in, p.count);
    for (size_t c = 0; c < lanes && !status; c++) {
        memcpy(audio[c], reader->in[c], p.count * sizeof(float));
        memset(audio[c] + p.count, 0, (samples - p.count) * sizeof(float));
    }
    return status;
}

static bsm_status read_clip(bsm_clip_reader *reader, const bsm_clip *clip, double start,
                            double speed, float *const *audio, size_t samples, bsm_error *error)
{
    const size_t from_rate = (size_t)llround((double)clip->activity.rate * speed);
    bsm_status status = from_rate == reader->rate
                            ? read_plain(reader, clip, start, audio, samples, error)
                            : read_resampled(reader, clip, start, from_rate, audio, samples, error);
    if (!status && reader->channels == 2 && clip->activity.channels == 1) {
        memcpy(audio[1], audio[0], samples * sizeof(float));
    }
    return status;
}

bsm_status bsm_clip_reader_read(bsm_clip_reader *reader, const bsm_clip *clip, double start,
                                double speed, float *const *audio, size_t samples, bsm_error *error)
{
    bsm_status status = read_clip(reader, clip, start, speed, audio, samples, error);
    const size_t count = bsm_clip_less(clip, reader->num_sources, reader->less);
    for (size_t i = 0; i < count && !status; i++) {
        if (!make_room(&reader->rest, &reader->rest_room, samples)) {
            return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", clip->path);
        }
        status = read_clip(reader, reader->less[i], start, speed, reader->rest, samples, error);
        for (size_t k = 0; k < reader->channels * samples && !status; k++) {
            audio[k / samples][k % samples] -= reader->rest[k / samples][k % samples];
        }
    }
    return status;
}
