/* SPDX-License-Identifier: ISC */
/* Computes signal to distortion ratios. */
#include "validate/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const double quiet_mean_square = 1e-6;
enum { QUIET_BEFORE_SPARSE = 2 }; /* frames */

/* Sums of squares. */
typedef struct energies {
    double target, estimate, error;
} energies;

typedef struct ratio_list {
    double *values;
    size_t count, capacity;
} ratio_list;

struct bsm_metrics {
    size_t rate, channels;
    size_t at;           /* samples in the frame so far */
    energies *frame;     /* [channel]: of the frame so far */
    energies total;      /* of all frames before it */
    size_t ended_frames; /* complete frames, whether they count or not */
    ratio_list counted, sparse;
    ratio_list quiet; /* instead of ratios, mean squares of the error in the quiet frames */
    size_t quiet_run; /* consecutive quiet frames before this one */
};

bsm_status bsm_metrics_new(size_t rate, size_t channels, bsm_metrics **metrics, bsm_error *error)
{
    bsm_metrics *made = calloc(1, sizeof *made);
    *metrics = NULL;
    if (!made || !(made->frame = calloc(channels, sizeof *made->frame))) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "metrics: out of memory");
    }
    made->rate = rate;
    made->channels = channels;
    *metrics = made;
    return BSM_OK;
}

void bsm_metrics_free(bsm_metrics *m)
{
    if (m) {
        free(m->frame);
        free(m->counted.values);
        free(m->sparse.values);
        free(m->quiet.values);
        free(m);
    }
}

/* ---- Sums ---- */

/* Sums sample by sample and each channel by itself, so that the order does not depend on the
 * pieces. */
static void add_squares(energies *sums, const float *target, const float *estimate, size_t samples)
{
    energies e = *sums;
    for (size_t i = 0; i < samples; i++) {
        const double t = (double)target[i], s = (double)estimate[i], d = t - s;
        e.target += t * t;
        e.estimate += s * s;
        e.error += d * d;
    }
    *sums = e;
}

/* Sum the frame's channels, add them to the total, and begin the next frame. */
static energies take_frame(bsm_metrics *m)
{
    energies frame = {0};
    for (size_t c = 0; c < m->channels; c++) {
        frame.target += m->frame[c].target;
        frame.estimate += m->frame[c].estimate;
        frame.error += m->frame[c].error;
        m->frame[c] = (energies){0};
    }
    m->total.target += frame.target;
    m->total.estimate += frame.estimate;
    m->total.error += frame.error;
    return frame;
}

/* ---- Frames ---- */

/* 0 / 0 is not a ratio, and that of a perfect estimate is infinite. */
static double ratio(double target, double error)
{
    if (error == 0) {
        return target > 0 ? INFINITY : NAN;
    }
    return target > 0 ? 10 * log10(target / error) : NAN;
}

/* Make room for one more value. */
static bsm_status make_room(ratio_list *list, bsm_error *error)
{
    if (list->count < list->capacity) {
        return BSM_OK;
    }
    const size_t capacity = list->capacity ? 2 * list->capacity : 256;
    double *values = realloc(list->values, capacity * sizeof *values);
    if (!values) {
        return bsm_fail(error, BSM_NO_MEMORY, "metrics: out of memory");
    }
    list->values = values;
    list->capacity = capacity;
    return BSM_OK;
}

/* End a frame of `at` samples. The lists have room for it. */
static void end_frame(bsm_metrics *m)
{
    const double values = (double)(m->at * m->channels);
    const energies frame = take_frame(m);
    const bool quiet = frame.target < quiet_mean_square * values;
    const double sdr = ratio(frame.target, frame.error);
    if (frame.target > 0 && frame.estimate > 0) {
        m->counted.values[m->counted.count++] = sdr;
    }
    if (!quiet && m->quiet_run >= QUIET_BEFORE_SPARSE) {
        m->sparse.values[m->sparse.count++] = sdr;
    }
    if (quiet) {
        m->quiet.values[m->quiet.count++] = frame.error / values;
    }
    m->quiet_run = quiet ? m->quiet_run + 1 : 0;
    m->ended_frames++;
    m->at = 0;
}

bsm_status bsm_metrics_add(bsm_metrics *m, const float *const *target, const float *const *estimate,
                           size_t samples, bsm_error *error)
{
    for (size_t done = 0; done < samples;) {
        bsm_status status = make_room(&m->counted, error);
        if (!status) {
            status = make_room(&m->sparse, error);
        }
        if (!status) {
            status = make_room(&m->quiet, error);
        }
        if (status) {
            return status;
        }
        const size_t room = m->rate - m->at, left = samples - done;
        const size_t count = left < room ? left : room;
        for (size_t c = 0; c < m->channels; c++) {
            add_squares(&m->frame[c], target[c] + done, estimate[c] + done, count);
        }
        done += count;
        m->at += count;
        if (m->at == m->rate) {
            end_frame(m);
        }
    }
    return BSM_OK;
}

/* ---- Results ---- */

double bsm_mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return count ? sum / (double)count : NAN;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bsm_median(double *values, size_t count)
{
    if (count == 0) {
        return NAN;
    }
    qsort(values, count, sizeof *values, compare);
    const double high = values[count / 2];
    return count % 2 ? high : (values[count / 2 - 1] + high) / 2;
}

bsm_sdr bsm_metrics_finish(bsm_metrics *m)
{
    if (m->at > 0 && m->ended_frames == 0) {
        end_frame(m); /* the track is shorter than a second */
    } else {
        take_frame(m);
    }
    bsm_sdr sdr = {.usdr = ratio(m->total.target, m->total.error),
                   .csdr = bsm_median(m->counted.values, m->counted.count),
                   .sparse_csdr = bsm_median(m->sparse.values, m->sparse.count),
                   .silent_residual = 10 * log10(bsm_mean(m->quiet.values, m->quiet.count)),
                   .typical_residual = 10 * log10(bsm_median(m->quiet.values, m->quiet.count)),
                   .frames = m->counted.count,
                   .sparse_frames = m->sparse.count,
                   .silent_frames = m->quiet.count};
    m->at = m->ended_frames = m->quiet_run = 0;
    m->counted.count = m->sparse.count = m->quiet.count = 0;
    m->total = (energies){0};
    return sdr;
}
