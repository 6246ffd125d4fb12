/* SPDX-License-Identifier: ISC */
/* Source activity detection. */
#include "data/activity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/audio_reader.h"

enum { BLOCK = 4096, MAX_CHANNELS = 2 };

size_t bsm_activity_chunk(const bsm_sad_options *options, size_t rate)
{
    const size_t chunk = (size_t)llround(options->window * (double)rate / (double)options->chunks);
    return chunk ? chunk : 1;
}

/* ---- The windows ---- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The quantile of the chunks that are not silent, interpolated between two values; 0 if there are
 * none. */
static bsm_status find_threshold(const bsm_sad_options *options, const double *loudness,
                                 size_t chunks, double *threshold, bsm_error *error)
{
    double *sorted = malloc((chunks + 1) * sizeof *sorted);
    if (!sorted) {
        return bsm_fail(error, BSM_NO_MEMORY, "activity of %zu chunks: out of memory", chunks);
    }
    size_t count = 0;
    for (size_t i = 0; i < chunks; i++) {
        if (loudness[i] > 0) {
            sorted[count++] = loudness[i];
        }
    }
    *threshold = 0;
    if (count > 0) {
        qsort(sorted, count, sizeof *sorted, compare);
        const double place = options->quantile * (double)(count - 1);
        const size_t below = (size_t)place;
        const size_t above = below + 1 < count ? below + 1 : below;
        *threshold = sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
    }
    free(sorted);
    return BSM_OK;
}

static bool is_active(const bsm_sad_options *options, const double *loudness, size_t length,
                      double threshold)
{
    size_t louder = 0;
    for (size_t i = 0; i < length; i++) {
        louder += loudness[i] >= threshold && loudness[i] > options->floor;
    }
    return (double)louder >= options->active * (double)length;
}

bsm_status bsm_activity_find(const bsm_sad_options *options, const double *loudness, size_t chunks,
                             bsm_activity *activity, bsm_error *error)
{
    const size_t length = chunks < options->chunks ? chunks : options->chunks;
    const size_t hop = options->chunks / 2 ? options->chunks / 2 : 1;
    double threshold = 0;
    activity->length = length;
    activity->num_starts = 0;
    activity->starts = NULL;
    if (chunks == 0) {
        return BSM_OK;
    }
    if (chunks > UINT32_MAX) {
        return bsm_fail(error, BSM_UNSUPPORTED, "activity of %zu chunks: too many", chunks);
    }
    bsm_status status = find_threshold(options, loudness, chunks, &threshold, error);
    if (status) {
        return status;
    }
    activity->starts = malloc((chunks / hop + 2) * sizeof *activity->starts);
    if (!activity->starts) {
        return bsm_fail(error, BSM_NO_MEMORY, "activity of %zu chunks: out of memory", chunks);
    }
    const size_t last = chunks - length;
    for (size_t start = 0;; start = start + hop < last ? start + hop : last) {
        if (is_active(options, loudness + start, length, threshold)) {
            activity->starts[activity->num_starts++] = (uint32_t)start;
        }
        if (start == last) {
            return BSM_OK;
        }
    }
}

/* ---- The file ---- */

/** Computes the loudness of chunks as samples arrive. */
typedef struct meter {
    size_t chunk, filled; /* samples of a chunk, and of the current one so far */
    double sum;           /* of the squares */
    double *loudness;
    size_t count, capacity;
} meter;

static bool end_chunk(meter *m, size_t channels)
{
    if (m->count == m->capacity) {
        const size_t capacity = m->capacity ? 2 * m->capacity : 256;
        double *more = realloc(m->loudness, capacity * sizeof *more);
        if (!more) {
            return false;
        }
        m->loudness = more;
        m->capacity = capacity;
    }
    m->loudness[m->count++] = sqrt(m->sum / (double)(m->chunk * channels));
    m->filled = 0;
    m->sum = 0;
    return true;
}

static bool measure(meter *m, float *const *audio, size_t channels, size_t count)
{
    for (size_t i = 0; i < count;) {
        const size_t left = m->chunk - m->filled;
        const size_t part = count - i < left ? count - i : left;
        for (size_t c = 0; c < channels; c++) {
            for (size_t j = i; j < i + part; j++) {
                m->sum += (double)audio[c][j] * (double)audio[c][j];
            }
        }
        i += part;
        m->filled += part;
        if (m->filled == m->chunk && !end_chunk(m, channels)) {
            return false;
        }
    }
    return true;
}

/** Files that are read in parallel: the first minus the others. */
typedef struct file_set {
    const char *const *paths;
    size_t less;
    bsm_audio_reader **readers; /* 1 + less */
    meter *meter;               /* NULL: only count samples */
} file_set;

static bsm_status subtract(bsm_audio_reader *reader, float *const *audio, size_t channels,
                           size_t count, bsm_error *error)
{
    float left[BLOCK], right[BLOCK], *other[MAX_CHANNELS] = {left, right};
    size_t got = 0;
    bsm_status status = bsm_audio_reader_read(reader, other, count, &got, error);
    for (size_t c = 0; c < channels && !status; c++) {
        for (size_t i = 0; i < got; i++) {
            audio[c][i] -= other[c][i];
        }
    }
    return status;
}

static bsm_status read_block(const file_set *set, size_t *got, bsm_error *error)
{
    float left[BLOCK], right[BLOCK], *audio[MAX_CHANNELS] = {left, right};
    const size_t channels = bsm_audio_reader_info(set->readers[0])->channels;
    bsm_status status = bsm_audio_reader_read(set->readers[0], audio, BLOCK, got, error);
    for (size_t i = 1; i <= set->less && !status; i++) {
        status = subtract(set->readers[i], audio, channels, *got, error);
    }
    if (!status && set->meter && !measure(set->meter, audio, channels, *got)) {
        status = bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", set->paths[0]);
    }
    return status;
}

/* Fails if a file was cut off, since the rest would no longer fit its track. */
static bsm_status check_whole(const file_set *set, bsm_error *error)
{
    for (size_t i = 0; i <= set->less; i++) {
        const bsm_audio_info *info = bsm_audio_reader_info(set->readers[i]);
        if (info->missing) {
            return bsm_fail(error, BSM_BAD_AUDIO,
                            "%s: damaged: %.3g s that it announces are missing", set->paths[i],
                            (double)info->missing / (double)info->rate);
        }
        if (info->remark[0]) {
            return bsm_fail(error, BSM_BAD_AUDIO, "%s: %s", set->paths[i], info->remark);
        }
    }
    return BSM_OK;
}

/* Count the samples that are present and those that are missing; a few missing ones are no
 * damage. */
static bsm_status read_all(const file_set *set, bsm_activity *activity, bsm_error *error)
{
    const uint64_t announced = bsm_audio_reader_info(set->readers[0])->frames;
    size_t got = BLOCK;
    uint64_t frames = 0;
    while (got == BLOCK) {
        bsm_status status = read_block(set, &got, error);
        if (status) {
            return status;
        }
        frames += got;
    }
    activity->nonfinite = bsm_audio_reader_info(set->readers[0])->nonfinite;
    activity->lacking =
        announced != BSM_UNKNOWN_FRAMES && frames < announced ? announced - frames : 0;
    activity->frames = frames;
    return check_whole(set, error);
}

static void close_all(file_set *set)
{
    for (size_t i = 0; set->readers && i <= set->less; i++) {
        bsm_audio_reader_free(set->readers[i]);
    }
    free(set->readers);
}

/* After a failure close_all must be called, too. */
static bsm_status open_all(file_set *set, bsm_activity *activity, bsm_error *error)
{
    *activity = (bsm_activity){0};
    set->readers = calloc(1 + set->less, sizeof *set->readers);
    if (!set->readers) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", set->paths[0]);
    }
    for (size_t i = 0; i <= set->less; i++) {
        bsm_status status = bsm_audio_reader_open(set->paths[i], &set->readers[i], error);
        if (status) {
            return status;
        }
        const bsm_audio_info *info = bsm_audio_reader_info(set->readers[i]);
        if (i > 0 && (info->rate != activity->rate || info->channels != activity->channels)) {
            return bsm_fail(error, BSM_BAD_AUDIO, "%s: has another rate or other channels than %s",
                            set->paths[i], set->paths[0]);
        }
        if (i == 0) {
            activity->rate = info->rate;
            activity->channels = info->channels;
            activity->frames = info->frames;
        }
    }
    return BSM_OK;
}

bsm_status bsm_activity_scan(const char *const *paths, size_t less, const bsm_sad_options *options,
                             bsm_activity *activity, bsm_error *error)
{
    meter m = {0};
    file_set set = {.paths = paths, .less = less, .meter = &m};
    bsm_status status = open_all(&set, activity, error);
    if (!status) {
        activity->chunk = bsm_activity_chunk(options, activity->rate);
        m.chunk = activity->chunk;
        status = read_all(&set, activity, error);
    }
    if (!status) {
        status = bsm_activity_find(options, m.loudness, m.count, activity, error);
    }
    free(m.loudness);
    close_all(&set);
    return status;
}

bsm_status bsm_activity_glance(const char *const *paths, size_t less, bsm_activity *activity,
                               bsm_error *error)
{
    file_set set = {.paths = paths, .less = less};
    bsm_status status = open_all(&set, activity, error);
    if (!status) {
        status = activity->frames == BSM_UNKNOWN_FRAMES ? read_all(&set, activity, error)
                                                        : check_whole(&set, error);
    }
    close_all(&set);
    return status;
}
