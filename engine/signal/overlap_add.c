/* SPDX-License-Identifier: ISC */
/* Overlap-add of a stream's frames, normalised by the sum of the squared windows. */
#include "signal/frames.h"

#include <stdlib.h>
#include <string.h>

#include "signal/signal.h"

struct bsm_overlap_add {
    size_t n_fft, hop, channels;
    size_t length; /* samples that the largest number of frames covers */
    float *window;
    double least_norm;
    float **sums;  /* [channel][length]; later frames may still change the first n_fft */
    double *norms; /* [length]: the sum of their squared windows */
};

bsm_status bsm_overlap_add_new(size_t n_fft, size_t hop, size_t channels, size_t frames,
                               double least_norm, bsm_overlap_add **ola, bsm_error *error)
{
    *ola = NULL;
    bsm_status status = bsm_frame_check(n_fft, hop, channels, error);
    if (status) {
        return status;
    }
    bsm_overlap_add *made = calloc(1, sizeof *made);
    if (made) {
        made->n_fft = n_fft;
        made->hop = hop;
        made->channels = channels;
        made->least_norm = least_norm;
        made->length = (frames - 1) * hop + n_fft;
        made->window = bsm_frame_window(n_fft);
        made->sums = bsm_planes_new(channels, made->length);
        made->norms = calloc(made->length, sizeof *made->norms);
    }
    if (!made || !made->window || !made->sums || !made->norms) {
        bsm_overlap_add_free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "overlap-add: out of memory");
    }
    *ola = made;
    return BSM_OK;
}

void bsm_overlap_add_free(bsm_overlap_add *ola)
{
    if (ola) {
        free(ola->window);
        free(ola->sums);
        free(ola->norms);
        free(ola);
    }
}

void bsm_overlap_add_reset(bsm_overlap_add *ola)
{
    for (size_t c = 0; c < ola->channels; c++) {
        memset(ola->sums[c], 0, ola->length * sizeof **ola->sums);
    }
    memset(ola->norms, 0, ola->length * sizeof *ola->norms);
}

float *const *bsm_overlap_add_sums(const bsm_overlap_add *ola)
{
    return ola->sums;
}

void bsm_overlap_add_take(bsm_overlap_add *ola, size_t frames, float *const *audio)
{
    const size_t count = frames * ola->hop, rest = ola->n_fft - ola->hop;
    bsm_frame_add_norms(ola->window, ola->n_fft, ola->hop, frames, ola->norms);
    for (size_t c = 0; c < ola->channels; c++) {
        float *sums = ola->sums[c];
        bsm_frame_normalise(sums, ola->norms, ola->least_norm, count, audio[c]);
        memmove(sums, sums + count, rest * sizeof *sums);
        memset(sums + rest, 0, count * sizeof *sums);
    }
    memmove(ola->norms, ola->norms + count, rest * sizeof *ola->norms);
    memset(ola->norms + rest, 0, count * sizeof *ola->norms);
}

void bsm_overlap_add_finish(bsm_overlap_add *ola, float *const *audio)
{
    for (size_t c = 0; c < ola->channels; c++) {
        bsm_frame_normalise(ola->sums[c], ola->norms, ola->least_norm, ola->n_fft - ola->hop,
                            audio[c]);
    }
}
