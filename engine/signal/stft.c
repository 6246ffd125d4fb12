/* SPDX-License-Identifier: ISC */
/* The short-time Fourier transform of whole signals and of single frames. */
#include "bsm/stft.h"

#include <stdlib.h>
#include <string.h>

#include "signal/fft.h"
#include "signal/frames.h"

struct bsm_stft {
    size_t n_fft, hop, channels;
    bsm_fft *forward, *inverse;
    bsm_overlap_add *overlap_add; /* sums of squared windows, for the inverse of a whole signal */
    float *window;
    float *frame;        /* one channel, windowed */
    float *bins;         /* its transform */
    float *edge;         /* [channel][n_fft]: a frame that reaches beyond the signal */
    const float **inner; /* [channel]: start of a frame inside the signal */
    float **outer;       /* [channel]: planes of `edge` */
};

static bool allocate(bsm_stft *stft)
{
    stft->window = bsm_frame_window(stft->n_fft);
    stft->frame = malloc(stft->n_fft * sizeof(float));
    stft->bins = malloc((stft->n_fft / 2 + 1) * 2 * sizeof(float));
    stft->edge = malloc(stft->channels * stft->n_fft * sizeof(float));
    stft->inner = malloc(stft->channels * sizeof *stft->inner);
    stft->outer = malloc(stft->channels * sizeof *stft->outer);
    if (!stft->window || !stft->frame || !stft->bins || !stft->edge || !stft->inner ||
        !stft->outer) {
        return false;
    }
    for (size_t c = 0; c < stft->channels; c++) {
        stft->outer[c] = stft->edge + c * stft->n_fft;
    }
    return true;
}

bsm_status bsm_stft_new(size_t n_fft, size_t hop, size_t channels, bsm_stft **stft,
                        bsm_error *error)
{
    *stft = NULL;
    bsm_status status = bsm_frame_check(n_fft, hop, channels, error);
    if (status) {
        return status;
    }
    bsm_stft *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "STFT: out of memory");
    }
    made->n_fft = n_fft;
    made->hop = hop;
    made->channels = channels;
    status = bsm_fft_new(n_fft, false, &made->forward, error);
    if (!status) {
        status = bsm_fft_new(n_fft, true, &made->inverse, error);
    }
    if (!status) {
        status = bsm_overlap_add_new(n_fft, hop, channels, 1, 0, &made->overlap_add, error);
    }
    if (!status && !allocate(made)) {
        status = bsm_fail(error, BSM_NO_MEMORY, "STFT: out of memory");
    }
    if (status) {
        bsm_stft_free(made);
        return status;
    }
    *stft = made;
    return BSM_OK;
}

void bsm_stft_free(bsm_stft *stft)
{
    if (stft) {
        bsm_fft_free(stft->forward);
        bsm_fft_free(stft->inverse);
        bsm_overlap_add_free(stft->overlap_add);
        free(stft->window);
        free(stft->frame);
        free(stft->bins);
        free(stft->edge);
        free(stft->inner);
        free(stft->outer);
        free(stft);
    }
}

size_t bsm_stft_frames(const bsm_stft *stft, size_t samples)
{
    return 1 + samples / stft->hop;
}

void bsm_stft_analyse(bsm_stft *stft, const float *const *audio, float *spectrum)
{
    const size_t channels = stft->channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < stft->n_fft; i++) {
            stft->frame[i] = audio[c][i] * stft->window[i];
        }
        bsm_fft_forward(stft->forward, stft->frame, stft->bins);
        for (size_t k = 0; k <= stft->n_fft / 2; k++) {
            spectrum[2 * (k * channels + c)] = stft->bins[2 * k];
            spectrum[2 * (k * channels + c) + 1] = stft->bins[2 * k + 1];
        }
    }
}

void bsm_stft_synthesise(bsm_stft *stft, const float *spectrum, float *const *audio)
{
    const size_t n_fft = stft->n_fft, channels = stft->channels;
    const float scale = 1.0F / (float)n_fft;
    for (size_t c = 0; c < channels; c++) {
        for (size_t k = 0; k <= n_fft / 2; k++) {
            stft->bins[2 * k] = spectrum[2 * (k * channels + c)] * scale;
            stft->bins[2 * k + 1] = spectrum[2 * (k * channels + c) + 1] * scale;
        }
        bsm_fft_inverse(stft->inverse, stft->bins, stft->frame);
        float *sums = audio[c];
        for (size_t i = 0; i < n_fft; i++) {
            sums[i] += stft->frame[i] * stft->window[i];
        }
    }
}

/* Transform the frame whose first sample is `start`, which lies before or after the signal. */
static void analyse_edge(bsm_stft *stft, const float *const *audio, size_t samples, ptrdiff_t start,
                         float *spectrum)
{
    for (size_t i = 0; i < stft->n_fft; i++) {
        size_t from = bsm_frame_reflect(start + (ptrdiff_t)i, samples);
        for (size_t c = 0; c < stft->channels; c++) {
            stft->outer[c][i] = audio[c][from];
        }
    }
    bsm_stft_analyse(stft, (const float *const *)stft->outer, spectrum);
}

void bsm_stft_forward(bsm_stft *stft, const float *const *audio, size_t samples, float *spectrum)
{
    const size_t frames = bsm_stft_frames(stft, samples);
    const size_t floats = 2 * stft->channels * (stft->n_fft / 2 + 1);
    for (size_t f = 0; f < frames; f++, spectrum += floats) {
        ptrdiff_t start = (ptrdiff_t)(f * stft->hop) - (ptrdiff_t)(stft->n_fft / 2);
        if (start < 0 || (size_t)start + stft->n_fft > samples) {
            analyse_edge(stft, audio, samples, start, spectrum);
            continue;
        }
        for (size_t c = 0; c < stft->channels; c++) {
            stft->inner[c] = audio[c] + start;
        }
        bsm_stft_analyse(stft, stft->inner, spectrum);
    }
}

/* Copy from `outer`, which holds `count` samples from `start` on, those that lie in the signal. */
static void place(const bsm_stft *stft, ptrdiff_t start, size_t count, float *const *audio,
                  size_t samples)
{
    size_t from = start < 0 ? (size_t)-start : 0;
    for (; from < count && (size_t)(start + (ptrdiff_t)from) < samples; from++) {
        for (size_t c = 0; c < stft->channels; c++) {
            audio[c][start + (ptrdiff_t)from] = stft->outer[c][from];
        }
    }
}

void bsm_stft_inverse(bsm_stft *stft, const float *spectrum, size_t frames, float *const *audio,
                      size_t samples)
{
    const size_t floats = 2 * stft->channels * (stft->n_fft / 2 + 1);
    for (size_t c = 0; c < stft->channels; c++) {
        memset(audio[c], 0, samples * sizeof **audio);
    }
    bsm_overlap_add_reset(stft->overlap_add);
    ptrdiff_t start = -(ptrdiff_t)(stft->n_fft / 2);
    for (size_t f = 0; f < frames; f++, start += (ptrdiff_t)stft->hop) {
        bsm_stft_synthesise(stft, spectrum + f * floats, bsm_overlap_add_sums(stft->overlap_add));
        bsm_overlap_add_take(stft->overlap_add, 1, stft->outer);
        place(stft, start, stft->hop, audio, samples);
    }
    bsm_overlap_add_finish(stft->overlap_add, stft->outer);
    place(stft, start, stft->n_fft - stft->hop, audio, samples);
}
