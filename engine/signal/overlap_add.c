/* SPDX-License-Identifier: ISC */
/* Overlap-add of inverse transforms, normalised by the sum of the squared windows. */
#include "signal/overlap_add.h"

#include <stdlib.h>
#include <string.h>

#include "signal/fft.h"
#include "signal/frame.h"

/* Below this sum no window reaches a sample (torch.istft refuses such a signal altogether). */
static const double no_window = 1e-11;

struct bsm_overlap_add {
    size_t n_fft, hop, channels;
    size_t skip; /* samples still to come that lie before sample 0 of the signal */
    bsm_fft *fft;
    float *window;
    float *bins;   /* of one channel */
    float *frame;  /* its inverse transform */
    float *sums;   /* [channel][n_fft]: the samples that later frames may still change */
    double *norms; /* [n_fft]: the sums of their squared windows */
};

static bool allocate(bsm_overlap_add *ola)
{
    ola->window = bsm_frame_window(ola->n_fft);
    ola->bins = malloc((ola->n_fft / 2 + 1) * 2 * sizeof(float));
    ola->frame = malloc(ola->n_fft * sizeof(float));
    ola->sums = malloc(ola->channels * ola->n_fft * sizeof(float));
    ola->norms = malloc(ola->n_fft * sizeof(double));
    return ola->window && ola->bins && ola->frame && ola->sums && ola->norms;
}

bsm_status bsm_overlap_add_new(size_t n_fft, size_t hop, size_t channels, bsm_overlap_add **ola,
                               bsm_error *error)
{
    *ola = NULL;
    bsm_status status = bsm_frame_check(n_fft, hop, channels, error);
    if (status) {
        return status;
    }
    bsm_overlap_add *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "overlap-add: out of memory");
    }
    made->n_fft = n_fft;
    made->hop = hop;
    made->channels = channels;
    status = bsm_fft_new(n_fft, true, &made->fft, error);
    if (!status && !allocate(made)) {
        status = bsm_fail(error, BSM_NO_MEMORY, "overlap-add: out of memory");
    }
    if (status) {
        bsm_overlap_add_free(made);
        return status;
    }
    bsm_overlap_add_reset(made);
    *ola = made;
    return BSM_OK;
}

void bsm_overlap_add_free(bsm_overlap_add *ola)
{
    if (ola) {
        bsm_fft_free(ola->fft);
        free(ola->window);
        free(ola->bins);
        free(ola->frame);
        free(ola->sums);
        free(ola->norms);
        free(ola);
    }
}

void bsm_overlap_add_reset(bsm_overlap_add *ola)
{
    ola->skip = ola->n_fft / 2;
    memset(ola->sums, 0, ola->channels * ola->n_fft * sizeof *ola->sums);
    memset(ola->norms, 0, ola->n_fft * sizeof *ola->norms);
}

/* One channel of a frame, on top of what is there. */
static void add_channel(bsm_overlap_add *ola, const float *spectrum, size_t channel, float *sums)
{
    const size_t n_fft = ola->n_fft, channels = ola->channels;
    const float scale = 1.0F / (float)n_fft;
    for (size_t k = 0; k <= n_fft / 2; k++) {
        ola->bins[2 * k] = spectrum[2 * (k * channels + channel)] * scale;
        ola->bins[2 * k + 1] = spectrum[2 * (k * channels + channel) + 1] * scale;
    }
    bsm_fft_inverse(ola->fft, ola->bins, ola->frame);
    for (size_t i = 0; i < n_fft; i++) {
        sums[i] += ola->frame[i] * ola->window[i];
    }
}

static void add_norms(bsm_overlap_add *ola)
{
    for (size_t i = 0; i < ola->n_fft; i++) {
        ola->norms[i] += (double)ola->window[i] * (double)ola->window[i];
    }
}

/* Take the first `count` of the pending samples, to `offset` in `audio`. */
static void take(bsm_overlap_add *ola, size_t count, float *const *audio, size_t offset)
{
    const size_t skip = ola->skip < count ? ola->skip : count;
    for (size_t c = 0; c < ola->channels; c++) {
        const float *sums = ola->sums + c * ola->n_fft;
        for (size_t i = 0; i < count; i++) {
            double norm = ola->norms[i];
            bool silent = i < skip || norm < no_window;
            audio[c][offset + i] = silent ? 0.0F : (float)((double)sums[i] / norm);
        }
    }
    ola->skip -= skip;
}

static void drop(bsm_overlap_add *ola, size_t count)
{
    const size_t rest = ola->n_fft - count;
    for (size_t c = 0; c < ola->channels; c++) {
        float *sums = ola->sums + c * ola->n_fft;
        memmove(sums, sums + count, rest * sizeof *sums);
        memset(sums + rest, 0, count * sizeof *sums);
    }
    memmove(ola->norms, ola->norms + count, rest * sizeof *ola->norms);
    memset(ola->norms + rest, 0, count * sizeof *ola->norms);
}

void bsm_overlap_add_push(bsm_overlap_add *ola, const float *spectrum, float *const *audio)
{
    for (size_t c = 0; c < ola->channels; c++) {
        add_channel(ola, spectrum, c, ola->sums + c * ola->n_fft);
    }
    add_norms(ola);
    take(ola, ola->hop, audio, 0);
    drop(ola, ola->hop);
}

void bsm_overlap_add_finish(bsm_overlap_add *ola, float *const *audio)
{
    take(ola, ola->n_fft - ola->hop, audio, 0);
}

void bsm_overlap_add_sum(bsm_overlap_add *ola, const float *spectrum, size_t frames,
                         float *const *sums)
{
    const size_t features = 2 * ola->channels * (ola->n_fft / 2 + 1);
    for (size_t c = 0; c < ola->channels; c++) {
        memset(sums[c], 0, ((frames - 1) * ola->hop + ola->n_fft) * sizeof **sums);
        for (size_t f = 0; f < frames; f++) {
            add_channel(ola, spectrum + f * features, c, sums[c] + f * ola->hop);
        }
    }
}

/* The first frame brings n_fft samples that are new to the stream, each later one a hop. */
void bsm_overlap_add_push_sums(bsm_overlap_add *ola, float *const *sums, size_t frames,
                               float *const *audio)
{
    for (size_t f = 0; f < frames; f++) {
        for (size_t c = 0; c < ola->channels; c++) {
            float *pending = ola->sums + c * ola->n_fft;
            for (size_t i = f ? ola->n_fft - ola->hop : 0; i < ola->n_fft; i++) {
                pending[i] += sums[c][f * ola->hop + i];
            }
        }
        add_norms(ola);
        take(ola, ola->hop, audio, f * ola->hop);
        drop(ola, ola->hop);
    }
}
