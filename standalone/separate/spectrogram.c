/* SPDX-License-Identifier: ISC */
/* Computes how loud the parts of a song are over time and frequency. */
#include "picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/stft.h"

static const double HIGHEST = 16000; /* Hz */

enum { FIRST_HOPS_PER_WINDOW = 16, LAST_HOPS_PER_WINDOW = 2, SHORTEST_WINDOW = 64 };

typedef float column[SPECTROGRAM_PARTS][SPECTROGRAM_ROWS];

struct spectrogram {
    size_t rate, channels,
        planes; /* 2 * channels: those of the vocals, then those of the instrumental */
    size_t n_fft, hop;
    bsm_stft *stft;
    float *window;   /* [planes][n_fft] */
    size_t held;     /* number of samples in the window */
    float *spectrum; /* [bin][plane][re, im] */
    double edges[SPECTROGRAM_ROWS + 1];
    uint64_t samples;
    size_t per_column; /* frames per column */
    size_t count;      /* number of complete columns */
    size_t frames;     /* frames in the next column, whose sum is sums[count] */
    column *sums;      /* [SPECTROGRAM_COLUMNS]: mean power of the complete columns */
};

/* ---- Setting up ---- */

static double mel_of_hertz(double hertz)
{
    return 1127 * log1p(hertz / 700);
}

static double hertz_of_mel(double mel)
{
    return 700 * expm1(mel / 1127);
}

static void set_edges(spectrogram *s)
{
    const double half = (double)s->rate / 2, top = mel_of_hertz(half < HIGHEST ? half : HIGHEST);
    for (size_t e = 0; e <= SPECTROGRAM_ROWS; e++) {
        s->edges[e] = hertz_of_mel(top * (double)e / SPECTROGRAM_ROWS);
    }
}

/* Windows of 63 to 125 ms resolve the harmonics of a low voice. */
static size_t window_of(size_t rate)
{
    size_t n_fft = SHORTEST_WINDOW;
    while (n_fft < rate / 16) {
        n_fft *= 2;
    }
    return n_fft;
}

bsm_status spectrogram_new(size_t rate, size_t channels, spectrogram **result, bsm_error *error)
{
    spectrogram *s = calloc(1, sizeof *s);
    if (!s) {
        return bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    s->rate = rate;
    s->channels = channels;
    s->planes = 2 * channels;
    s->n_fft = window_of(rate);
    s->hop = s->n_fft / FIRST_HOPS_PER_WINDOW;
    s->held = s->n_fft / 2; /* silence: the first frame is centred on the first sample */
    s->per_column = 1;
    set_edges(s);
    s->window = calloc(s->planes * s->n_fft, sizeof *s->window);
    s->spectrum = calloc((s->n_fft / 2 + 1) * s->planes * 2, sizeof *s->spectrum);
    s->sums = calloc(SPECTROGRAM_COLUMNS, sizeof *s->sums);
    bsm_status status = s->window && s->spectrum && s->sums
                            ? bsm_stft_new(s->n_fft, s->hop, s->planes, &s->stft, error)
                            : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    if (status) {
        spectrogram_free(s);
        return status;
    }
    *result = s;
    return BSM_OK;
}

void spectrogram_free(spectrogram *s)
{
    if (s) {
        bsm_stft_free(s->stft);
        free(s->window);
        free(s->spectrum);
        free(s->sums);
        free(s);
    }
}

/* ---- Columns ---- */

/* Merge the columns in pairs; the next ones are twice as long. Because the number of columns is
 * even, the next frame begins where it would if the hop had been twice as long from the start. */
static void halve_columns(spectrogram *s)
{
    const size_t values = SPECTROGRAM_PARTS * SPECTROGRAM_ROWS;
    for (size_t c = 0; c < SPECTROGRAM_COLUMNS; c += 2) {
        const float *first = s->sums[c][0], *second = s->sums[c + 1][0];
        float *to = s->sums[c / 2][0];
        for (size_t i = 0; i < values; i++) {
            to[i] = 0.5F * (first[i] + second[i]);
        }
    }
    s->count = SPECTROGRAM_COLUMNS / 2;
    if (s->hop * LAST_HOPS_PER_WINDOW < s->n_fft) {
        s->hop *= 2;
    } else {
        s->per_column *= 2;
    }
}

static void end_column(spectrogram *s)
{
    float *values = s->sums[s->count][0];
    const float scale = 1.0F / (float)s->frames;
    for (size_t i = 0; i < (size_t)SPECTROGRAM_PARTS * SPECTROGRAM_ROWS; i++) {
        values[i] *= scale;
    }
    s->frames = 0;
    s->count++;
}

static void begin_column(spectrogram *s)
{
    if (s->count == SPECTROGRAM_COLUMNS) {
        halve_columns(s);
    }
    memset(s->sums[s->count], 0, sizeof s->sums[0]);
}

/* ---- Frames ---- */

/* Compute the power of a bin in all parts, summed over the channels. The transform is linear, so
 * the mixture's spectrum is the sum of those of both parts. */
static void power_of_bin(const spectrogram *s, size_t bin, float power[SPECTROGRAM_PARTS])
{
    const float *vocals = s->spectrum + bin * s->planes * 2;
    const float *rest = vocals + s->channels * 2;
    memset(power, 0, SPECTROGRAM_PARTS * sizeof *power);
    for (size_t i = 0; i < s->channels * 2; i++) {
        const float sum = vocals[i] + rest[i];
        power[SPECTROGRAM_MIXTURE] += sum * sum;
        power[SPECTROGRAM_VOCALS] += vocals[i] * vocals[i];
        power[SPECTROGRAM_INSTRUMENTAL] += rest[i] * rest[i];
    }
}

/* Interpolate between two bins, for low rows that lie between them. */
static void interpolate(const spectrogram *s, double bin, float power[SPECTROGRAM_PARTS])
{
    const size_t below = (size_t)bin;
    const float part = (float)(bin - (double)below);
    float above[SPECTROGRAM_PARTS];
    power_of_bin(s, below, power);
    power_of_bin(s, below < s->n_fft / 2 ? below + 1 : below, above);
    for (size_t p = 0; p < SPECTROGRAM_PARTS; p++) {
        power[p] += part * (above[p] - power[p]);
    }
}

static void power_of_row(const spectrogram *s, size_t row, float power[SPECTROGRAM_PARTS])
{
    const double bins_per_hertz = (double)s->n_fft / (double)s->rate;
    const double from = s->edges[row] * bins_per_hertz, to = s->edges[row + 1] * bins_per_hertz;
    const size_t first = (size_t)ceil(from), end = (size_t)ceil(to);
    if (first >= end) {
        interpolate(s, 0.5 * (from + to), power);
        return;
    }
    memset(power, 0, SPECTROGRAM_PARTS * sizeof *power);
    for (size_t bin = first; bin < end; bin++) {
        float one[SPECTROGRAM_PARTS];
        power_of_bin(s, bin, one);
        for (size_t p = 0; p < SPECTROGRAM_PARTS; p++) {
            power[p] += one[p] / (float)(end - first);
        }
    }
}

static void add_frame(spectrogram *s)
{
    const float *planes[2 * BSM_MAX_CHANNELS];
    for (size_t p = 0; p < s->planes; p++) {
        planes[p] = s->window + p * s->n_fft;
    }
    bsm_stft_analyse(s->stft, planes, s->spectrum);
    if (s->frames == 0) {
        begin_column(s);
    }
    /* A sine at full scale has n_fft / 4 in its bin, because the mean of the window is a half. */
    const float peak = (float)s->n_fft / 4, scale = 1 / (peak * peak * (float)s->channels);
    for (size_t row = 0; row < SPECTROGRAM_ROWS; row++) {
        float power[SPECTROGRAM_PARTS];
        power_of_row(s, row, power);
        for (size_t p = 0; p < SPECTROGRAM_PARTS; p++) {
            s->sums[s->count][p][row] += scale * power[p];
        }
    }
    if (++s->frames == s->per_column) {
        end_column(s);
    }
}

/* ---- Samples ---- */

/* Append up to `count` samples of a block, from sample `at` on, to the window; silence if the block
 * is NULL. Return their number. */
static size_t fill_window(spectrogram *s, const bsm_separated_block *block, size_t at, size_t count)
{
    const size_t room = s->n_fft - s->held, taken = count < room ? count : room;
    for (size_t p = 0; p < s->planes; p++) {
        float *to = s->window + p * s->n_fft + s->held;
        if (block) {
            const float *from =
                p < s->channels ? block->vocals[p] : block->instrumental[p - s->channels];
            memcpy(to, from + at, taken * sizeof *to);
        } else {
            memset(to, 0, taken * sizeof *to);
        }
    }
    s->held += taken;
    return taken;
}

static void move_window(spectrogram *s)
{
    s->held -= s->hop;
    for (size_t p = 0; p < s->planes; p++) {
        float *plane = s->window + p * s->n_fft;
        memmove(plane, plane + s->hop, s->held * sizeof *plane);
    }
}

/* Add `count` samples of a block, or of silence if the block is NULL. */
static void add_samples(spectrogram *s, const bsm_separated_block *block, size_t count)
{
    for (size_t done = 0; done < count;) {
        done += fill_window(s, block, done, count - done);
        if (s->held == s->n_fft) {
            add_frame(s);
            move_window(s);
        }
    }
}

void spectrogram_add(spectrogram *s, const bsm_separated_block *block)
{
    add_samples(s, block, block->count);
    s->samples += block->count;
}

void spectrogram_finish(spectrogram *s)
{
    add_samples(s, NULL, s->n_fft / 2);
    if (s->frames > 0) {
        end_column(s);
    }
}

/* ---- Looking ---- */

double spectrogram_seconds(const spectrogram *s)
{
    return (double)s->samples / (double)s->rate;
}

double spectrogram_edge(const spectrogram *s, size_t edge)
{
    return s->edges[edge];
}

double spectrogram_power(const spectrogram *s, spectrogram_part part, size_t row, double from,
                         double to)
{
    const double columns_per_second = (double)s->rate / (double)(s->hop * s->per_column);
    const size_t first = (size_t)(from * columns_per_second);
    size_t end = (size_t)ceil(to * columns_per_second);
    end = end > first ? end : first + 1;
    end = end < s->count ? end : s->count;
    double sum = 0;
    for (size_t c = first; c < end; c++) {
        sum += (double)s->sums[c][part][row];
    }
    return first < end ? sum / (double)(end - first) : 0;
}
