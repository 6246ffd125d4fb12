/* SPDX-License-Identifier: ISC */
/* The transform of whole signals on several threads, its inverse, and the way back of gradients.
 *
 * Signals lie in planes with half a frame before and after them, so that every frame lies in its
 * plane. Frames go to threads in blocks that reach no further than into the next block: frames are
 * added up in all even blocks first, then in all odd ones, and no two threads meet. */
#include "signal/transform.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "signal/fft.h"
#include "signal/frame.h"

enum { ALIGNMENT = 16 }; /* floats */

/* Below this sum no window reaches a sample, as in overlap_add.c. */
static const double no_window = 1e-11;

/* What one thread works in. */
typedef struct worker {
    bsm_fft *forward, *inverse;
    float *frame; /* [n_fft], zero outside the window */
    float *bins;  /* [n_fft / 2 + 1][re, im] */
    float *back;  /* [n_fft] */
} worker;

struct bsm_transform {
    bsm_transform_options size;
    size_t frames, bins;
    size_t padded;    /* samples of a plane */
    size_t left;      /* samples of a frame before the window */
    size_t per_block; /* frames */
    size_t blocks;
    float *memory;
    float *window;  /* [window] */
    float *weights; /* [samples]: 1 / the sum of the squared windows, or 0 where there is none */
    float *input;   /* [channel][padded] */
    float *output;  /* [channel][padded] */
    worker *workers;
    double *sums; /* [block][channel] */
};

/* One frame of one channel, whose first sample is at `start` in the planes. Returns what is to be
 * summed over all frames. */
typedef double frame_work(const bsm_transform *t, const worker *w, size_t channel, size_t frame,
                          const void *job);

/* ---- Making ---- */

static bsm_transform sized(const bsm_transform_options *options)
{
    bsm_transform t = {
        .size = *options,
        .frames = 1 + options->samples / options->hop,
        .bins = options->n_fft / 2 + 1,
        .padded = options->samples + options->n_fft,
        .left = (options->n_fft - options->window) / 2,
        .per_block = (options->n_fft + options->hop - 1) / options->hop,
    };
    t.blocks = (t.frames + t.per_block - 1) / t.per_block;
    return t;
}

static float *take(const bsm_transform *t, size_t *used, size_t count)
{
    float *part = t->memory ? t->memory + *used : NULL;
    *used += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return part;
}

/* Divide the memory; without any, only count the floats that it takes. */
static size_t divide(bsm_transform *t)
{
    const bsm_transform_options *size = &t->size;
    size_t used = 0;
    t->window = take(t, &used, size->window);
    t->weights = take(t, &used, size->inverse ? size->samples : 0);
    t->input = take(t, &used, size->channels * t->padded);
    t->output = take(t, &used, size->channels * t->padded);
    for (size_t i = 0; i < size->threads; i++) {
        float *frame = take(t, &used, size->n_fft);
        float *bins = take(t, &used, 2 * t->bins);
        float *back = take(t, &used, size->n_fft);
        if (t->memory) {
            t->workers[i].frame = frame;
            t->workers[i].bins = bins;
            t->workers[i].back = back;
        }
    }
    return used;
}

static bsm_status check(const bsm_transform_options *size, bsm_error *error)
{
    bsm_status status = bsm_frame_check(size->n_fft, size->hop, size->channels, error);
    if (!status && (size->window < 2 || size->window > size->n_fft)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "transform: window is %zu, not 2 to n_fft "
                        "(%zu)",
                        size->window, size->n_fft);
    }
    if (!status && (size->samples == 0 || size->threads == 0)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "transform: %zu samples on %zu threads",
                        size->samples, size->threads);
    }
    return status;
}

static bsm_status allocate(bsm_transform *t, bsm_error *error)
{
    size_t count = divide(t);
    t->workers = calloc(t->size.threads, sizeof *t->workers);
    t->sums = calloc(t->blocks * t->size.channels, sizeof *t->sums);
    t->memory = aligned_alloc(ALIGNMENT * sizeof(float), count * sizeof(float));
    if (!t->workers || !t->sums || !t->memory) {
        return bsm_fail(error, BSM_NO_MEMORY, "transform: out of memory");
    }
    memset(t->memory, 0, count * sizeof(float));
    divide(t);
    bsm_status status = BSM_OK;
    for (size_t i = 0; !status && i < t->size.threads; i++) {
        status = bsm_fft_new(t->size.n_fft, false, &t->workers[i].forward, error);
        if (!status) {
            status = bsm_fft_new(t->size.n_fft, true, &t->workers[i].inverse, error);
        }
    }
    return status;
}

static bool fill_window(bsm_transform *t)
{
    float *window = bsm_frame_window(t->size.window);
    if (!window) {
        return false;
    }
    memcpy(t->window, window, t->size.window * sizeof *window);
    free(window);
    return true;
}

static bool fill_weights(bsm_transform *t)
{
    double *sums = calloc(t->padded, sizeof *sums);
    if (!sums) {
        return false;
    }
    for (size_t f = 0; f < t->frames; f++) {
        double *at = sums + f * t->size.hop + t->left;
        for (size_t i = 0; i < t->size.window; i++) {
            at[i] += (double)t->window[i] * (double)t->window[i];
        }
    }
    for (size_t i = 0; i < t->size.samples; i++) {
        double sum = sums[t->size.n_fft / 2 + i];
        t->weights[i] = sum < no_window ? 0.0F : (float)(1 / sum);
    }
    free(sums);
    return true;
}

bsm_status bsm_transform_new(const bsm_transform_options *options, bsm_transform **transform,
                             bsm_error *error)
{
    *transform = NULL;
    bsm_status status = check(options, error);
    if (status) {
        return status;
    }
    bsm_transform *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "transform: out of memory");
    }
    *made = sized(options);
    status = allocate(made, error);
    if (!status && (!fill_window(made) || (options->inverse && !fill_weights(made)))) {
        status = bsm_fail(error, BSM_NO_MEMORY, "transform: out of memory");
    }
    if (status) {
        bsm_transform_free(made);
        return status;
    }
    *transform = made;
    return BSM_OK;
}

void bsm_transform_free(bsm_transform *transform)
{
    if (!transform) {
        return;
    }
    for (size_t i = 0; transform->workers && i < transform->size.threads; i++) {
        bsm_fft_free(transform->workers[i].forward);
        bsm_fft_free(transform->workers[i].inverse);
    }
    free(transform->workers);
    free(transform->sums);
    free(transform->memory);
    free(transform);
}

size_t bsm_transform_bytes(const bsm_transform_options *options)
{
    bsm_transform t = sized(options);
    size_t plans = bsm_fft_bytes(options->n_fft, false) + bsm_fft_bytes(options->n_fft, true);
    return sizeof t + divide(&t) * sizeof *t.memory +
           options->threads * (sizeof *t.workers + plans) +
           t.blocks * options->channels * sizeof *t.sums;
}

size_t bsm_transform_frames(const bsm_transform *transform)
{
    return transform->frames;
}

/* ---- Planes ---- */

/* A signal with its reflections before and after it. */
static void pad_reflected(const bsm_transform *t, const float *const *audio)
{
    const size_t before = t->size.n_fft / 2, samples = t->size.samples;
    for (size_t c = 0; c < t->size.channels; c++) {
        float *plane = t->input + c * t->padded;
        memcpy(plane + before, audio[c], samples * sizeof *plane);
        for (size_t i = 0; i < before; i++) {
            plane[i] = audio[c][bsm_frame_reflect((ptrdiff_t)i - (ptrdiff_t)before, samples)];
        }
        for (size_t i = before + samples; i < t->padded; i++) {
            plane[i] = audio[c][bsm_frame_reflect((ptrdiff_t)(i - before), samples)];
        }
    }
}

/* The adjoint of pad_reflected, added to `audio`. */
static void fold_reflected(const bsm_transform *t, float *const *audio)
{
    const size_t before = t->size.n_fft / 2, samples = t->size.samples;
    for (size_t c = 0; c < t->size.channels; c++) {
        const float *plane = t->output + c * t->padded;
        for (size_t i = 0; i < samples; i++) {
            audio[c][i] += plane[before + i];
        }
        for (size_t i = 0; i < before; i++) {
            audio[c][bsm_frame_reflect((ptrdiff_t)i - (ptrdiff_t)before, samples)] += plane[i];
        }
        for (size_t i = before + samples; i < t->padded; i++) {
            audio[c][bsm_frame_reflect((ptrdiff_t)(i - before), samples)] += plane[i];
        }
    }
}

static void clear_output(const bsm_transform *t)
{
    memset(t->output, 0, t->size.channels * t->padded * sizeof *t->output);
}

/* ---- Frames ---- */

static const worker *this_worker(const bsm_transform *t)
{
#ifdef _OPENMP
    return &t->workers[omp_get_thread_num()];
#else
    return &t->workers[0];
#endif
}

static double run_block(const bsm_transform *t, size_t block, size_t channel, frame_work *work,
                        const void *job)
{
    size_t first = block * t->per_block;
    size_t end = first + t->per_block < t->frames ? first + t->per_block : t->frames;
    double sum = 0;
    for (size_t f = first; f < end; f++) {
        sum += work(t, this_worker(t), channel, f, job);
    }
    return sum;
}

static double run(bsm_transform *t, frame_work *work, const void *job)
{
    const size_t channels = t->size.channels, blocks = t->blocks;
    for (size_t odd = 0; odd < 2; odd++) {
        const size_t tasks = (blocks + 1 - odd) / 2 * channels;
#pragma omp parallel for schedule(dynamic) num_threads((int)t->size.threads)
        for (size_t task = 0; task < tasks; task++) {
            size_t block = 2 * (task / channels) + odd, channel = task % channels;
            t->sums[block * channels + channel] = run_block(t, block, channel, work, job);
        }
    }
    double sum = 0;
    for (size_t i = 0; i < blocks * channels; i++) {
        sum += t->sums[i];
    }
    return sum;
}

/* A frame of the input -> its bins. */
static void analyse(const bsm_transform *t, const worker *w, size_t channel, size_t frame)
{
    const float *from = t->input + channel * t->padded + frame * t->size.hop + t->left;
    for (size_t i = 0; i < t->size.window; i++) {
        w->frame[t->left + i] = from[i] * t->window[i];
    }
    bsm_fft_forward(w->forward, w->frame, w->bins);
}

/* Bins -> added to a frame of the output. */
static void synthesise(const bsm_transform *t, const worker *w, size_t channel, size_t frame)
{
    float *to = t->output + channel * t->padded + frame * t->size.hop + t->left;
    bsm_fft_inverse(w->inverse, w->bins, w->back);
    for (size_t i = 0; i < t->size.window; i++) {
        to[i] += w->back[t->left + i] * t->window[i];
    }
}

static double forward_frame(const bsm_transform *t, const worker *w, size_t channel, size_t frame,
                            const void *job)
{
    float *spectrum = *(float *const *)job + 2 * (frame * t->bins * t->size.channels + channel);
    analyse(t, w, channel, frame);
    for (size_t k = 0; k < t->bins; k++) {
        spectrum[2 * k * t->size.channels] = w->bins[2 * k];
        spectrum[2 * k * t->size.channels + 1] = w->bins[2 * k + 1];
    }
    return 0;
}

void bsm_transform_forward(bsm_transform *transform, const float *const *audio, float *spectrum)
{
    pad_reflected(transform, audio);
    run(transform, forward_frame, &spectrum);
}

static double inverse_frame(const bsm_transform *t, const worker *w, size_t channel, size_t frame,
                            const void *job)
{
    const float *spectrum =
        *(const float *const *)job + 2 * (frame * t->bins * t->size.channels + channel);
    const float scale = 1.0F / (float)t->size.n_fft;
    for (size_t k = 0; k < t->bins; k++) {
        w->bins[2 * k] = scale * spectrum[2 * k * t->size.channels];
        w->bins[2 * k + 1] = scale * spectrum[2 * k * t->size.channels + 1];
    }
    synthesise(t, w, channel, frame);
    return 0;
}

void bsm_transform_inverse(bsm_transform *transform, const float *spectrum, float *const *audio)
{
    const bsm_transform *t = transform;
    clear_output(t);
    run(transform, inverse_frame, &spectrum);
    for (size_t c = 0; c < t->size.channels; c++) {
        const float *plane = t->output + c * t->padded + t->size.n_fft / 2;
        for (size_t i = 0; i < t->size.samples; i++) {
            audio[c][i] = plane[i] * t->weights[i];
        }
    }
}

/* ---- Gradients ---- */

/* A bin between 0 Hz and half the sample rate stands for two of the full transform. */
static bool is_inner(const bsm_transform *t, size_t bin)
{
    return bin > 0 && 2 * bin < t->size.n_fft;
}

static double adjoint_frame(const bsm_transform *t, const worker *w, size_t channel, size_t frame,
                            const void *job)
{
    float *spectrum = *(float *const *)job + 2 * (frame * t->bins * t->size.channels + channel);
    const float scale = 1.0F / (float)t->size.n_fft;
    analyse(t, w, channel, frame);
    for (size_t k = 0; k < t->bins; k++) {
        float factor = is_inner(t, k) ? 2 * scale : scale;
        spectrum[2 * k * t->size.channels] = factor * w->bins[2 * k];
        spectrum[2 * k * t->size.channels + 1] = factor * w->bins[2 * k + 1];
    }
    return 0;
}

void bsm_transform_inverse_adjoint(bsm_transform *transform, const float *const *gradient,
                                   float *spectrum)
{
    const bsm_transform *t = transform;
    const size_t before = t->size.n_fft / 2, after = t->size.n_fft - before;
    for (size_t c = 0; c < t->size.channels; c++) {
        float *plane = t->input + c * t->padded;
        memset(plane, 0, before * sizeof *plane);
        for (size_t i = 0; i < t->size.samples; i++) {
            plane[before + i] = gradient[c][i] * t->weights[i];
        }
        memset(plane + before + t->size.samples, 0, after * sizeof *plane);
    }
    run(transform, adjoint_frame, &spectrum);
}

/* Replace each bin z by `scale` * z / |z|, or 0. Returns the sum of |z|. */
static double normalise(float *bins, size_t count, float scale)
{
    enum { LANES = 16 };
    const float tiny = 1e-19F; /* its square is about the smallest normal number */
    float lanes[LANES] = {0}, moduli[LANES];
    double sum = 0;
    for (size_t k = 0; k < count; k += LANES, bins += (size_t)2 * LANES) {
        const size_t part = count - k < LANES ? count - k : LANES;
        for (size_t j = 0; j < part; j++) {
            float re = bins[2 * j], im = bins[2 * j + 1];
            float modulus = sqrtf(re * re + im * im);
            float factor = scale / (modulus > tiny ? modulus : tiny);
            moduli[j] = modulus;
            bins[2 * j] = re * factor;
            bins[2 * j + 1] = im * factor;
        }
        for (size_t j = 0; j < part; j++) {
            lanes[j] += moduli[j];
        }
    }
    for (size_t j = 0; j < LANES; j++) {
        sum += (double)lanes[j];
    }
    return sum;
}

/* The inverse transform counts inner bins twice, the adjoint of the transform once. */
static double moduli_frame(const bsm_transform *t, const worker *w, size_t channel, size_t frame,
                           const void *job)
{
    const float scale = *(const float *)job;
    analyse(t, w, channel, frame);
    double sum = normalise(w->bins, t->bins, scale / 2);
    for (size_t k = 0; k < t->bins; k += t->bins - 1) {
        if (!is_inner(t, k)) {
            w->bins[2 * k] *= 2;
            w->bins[2 * k + 1] *= 2;
        }
    }
    synthesise(t, w, channel, frame);
    return sum;
}

double bsm_transform_moduli(bsm_transform *transform, const float *const *audio, double scale,
                            float *const *gradient)
{
    const float factor = (float)scale;
    pad_reflected(transform, audio);
    clear_output(transform);
    double sum = run(transform, moduli_frame, &factor);
    fold_reflected(transform, gradient);
    return sum;
}
