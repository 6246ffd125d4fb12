/* SPDX-License-Identifier: ISC */
/* The transform of whole signals on several threads, its inverse, and the backward pass.
 *
 * Signals lie in planes with half a frame of padding at each end, so that every frame lies inside
 * its plane. Frames are transformed in groups, one per vector lane, and all work on a group is
 * done while it is in the cache. Threads get blocks of groups that reach at most into the next
 * block. All even blocks are added up first, then all odd ones, so no two threads write to the
 * same samples. */
#include "signal/transform.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "signal/frames.h"
#include "signal/lanes.h"

enum { ALIGNMENT = 16 }; /* floats */

/* Below this sum a sample counts as covered by no window, as in frame.c. */
static const double no_window = 1e-11;

/* What one thread works on: a group of frames, laid out as in signal/lanes.h. */
typedef struct worker {
    float *samples, *bins;
} worker;

struct bsm_transform {
    bsm_transform_options size;
    const bsm_lanes_kernels *kernels;
    bsm_lanes_plan plan;
    size_t frames, bins;
    size_t padded;    /* samples per plane */
    size_t left;      /* samples of a frame before the window */
    size_t per_block; /* number of frames */
    size_t blocks;
    float *memory;
    float *window; /* [window] */
    /* [samples]: 1 / the sum of the squared windows, or 0 where no window reaches */
    float *weights;
    float *input;  /* [channel][padded] */
    float *output; /* [channel][padded] */
    worker *workers;
    double *sums; /* [block][channel] */
};

/* A group: frames of one channel that are processed together. */
typedef struct group {
    size_t channel, first, count;
} group;

/* Processes a group; returns a value that is summed over all groups. */
typedef double group_work(const bsm_transform *t, const worker *w, const group *g, const void *job);

/* ---- Construction ---- */

static bsm_transform sized(const bsm_transform_options *options)
{
    bsm_transform t = {
        .size = *options,
        .kernels = options->kernels ? options->kernels : bsm_lanes_kernels_get(),
        .frames = 1 + options->samples / options->hop,
        .bins = options->n_fft / 2 + 1,
        .padded = options->samples + options->n_fft,
        .left = (options->n_fft - options->window) / 2,
    };
    const size_t meeting = (options->n_fft + options->hop - 1) / options->hop;
    t.per_block = (meeting + t.kernels->lanes - 1) / t.kernels->lanes * t.kernels->lanes;
    t.blocks = (t.frames + t.per_block - 1) / t.per_block;
    return t;
}

static float *take(const bsm_transform *t, size_t *used, size_t count)
{
    float *part = t->memory ? t->memory + *used : NULL;
    *used += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return part;
}

/* Divide the memory among the arrays; without memory, only count the floats that they take. */
static size_t divide(bsm_transform *t)
{
    const bsm_transform_options *size = &t->size;
    size_t used = 0;
    t->window = take(t, &used, size->window);
    t->weights = take(t, &used, size->inverse ? size->samples : 0);
    t->input = take(t, &used, size->channels * t->padded);
    t->output = take(t, &used, size->channels * t->padded);
    const size_t floats = bsm_lanes_floats(size->n_fft, t->kernels);
    for (size_t i = 0; i < size->threads; i++) {
        const worker parts = {take(t, &used, floats), take(t, &used, floats)};
        if (t->memory) {
            t->workers[i] = parts;
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
    return bsm_lanes_plan_init(&t->plan, t->size.n_fft, error);
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
    bsm_team_join(options->threads);
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
    bsm_team_leave();
    bsm_lanes_plan_clear(&transform->plan);
    free(transform->workers);
    free(transform->sums);
    free(transform->memory);
    free(transform);
}

size_t bsm_transform_bytes(const bsm_transform_options *options)
{
    bsm_transform t = sized(options);
    return sizeof t + divide(&t) * sizeof *t.memory + bsm_lanes_plan_bytes(options->n_fft) +
           options->threads * sizeof *t.workers + t.blocks * options->channels * sizeof *t.sums;
}

size_t bsm_transform_frames(const bsm_transform *transform)
{
    return transform->frames;
}

/* ---- Planes ---- */

/* Copy a signal and add its reflections at both ends. */
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

/* The adjoint of pad_reflected; it adds to `audio`. */
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

/* What is done with all even or all odd blocks. */
typedef struct pass {
    const bsm_transform *transform;
    size_t odd;
    group_work *work;
    const void *job;
} pass;

static double run_block(const pass *p, const worker *w, size_t block, size_t channel)
{
    const bsm_transform *t = p->transform;
    const size_t first = block * t->per_block, lanes = t->kernels->lanes;
    const size_t end = first + t->per_block < t->frames ? first + t->per_block : t->frames;
    double sum = 0;
    for (size_t f = first; f < end; f += lanes) {
        const group g = {channel, f, end - f < lanes ? end - f : lanes};
        sum += p->work(t, w, &g, p->job);
    }
    return sum;
}

static void run_blocks(void *job, size_t thread, bsm_region *region)
{
    const pass *p = job;
    const bsm_transform *t = p->transform;
    const size_t channels = t->size.channels;
    for (size_t task; bsm_region_next(region, &task);) {
        size_t block = 2 * (task / channels) + p->odd, channel = task % channels;
        t->sums[block * channels + channel] = run_block(p, &t->workers[thread], block, channel);
    }
}

static double run(bsm_transform *t, group_work *work, const void *job)
{
    const size_t channels = t->size.channels, blocks = t->blocks;
    for (size_t odd = 0; odd < 2; odd++) {
        bsm_team_run(t->size.threads, (blocks + 1 - odd) / 2 * channels, run_blocks,
                     &(pass){t, odd, work, job});
    }
    double sum = 0;
    for (size_t i = 0; i < blocks * channels; i++) {
        sum += t->sums[i];
    }
    return sum;
}

/* Where the windows of a group's frames lie in the planes. */
static size_t plane_offset(const bsm_transform *t, const group *g)
{
    return g->channel * t->padded + g->first * t->size.hop + t->left;
}

static bsm_lanes_frames frames_of(const bsm_transform *t, const group *g)
{
    return (bsm_lanes_frames){g->count, t->size.hop, t->window, t->left, t->size.window};
}

/* From frames of the input to their bins. */
static void analyse(const bsm_transform *t, const worker *w, const group *g)
{
    const bsm_lanes_frames frames = frames_of(t, g);
    t->kernels->load(&t->plan, &frames, t->input + plane_offset(t, g), w->samples);
    t->kernels->forward(&t->plan, w->samples, w->bins);
}

/* From bins to frames of the output, to which it adds. */
static void synthesise(const bsm_transform *t, const worker *w, const group *g)
{
    const bsm_lanes_frames frames = frames_of(t, g);
    t->kernels->inverse(&t->plan, w->bins, w->samples);
    t->kernels->add(&t->plan, &frames, w->samples, t->output + plane_offset(t, g));
}

/* The bins at 0 Hz and at half the sample rate occur once in the full transform, all others
 * twice. */
static void scale_edges(const bsm_transform *t, const worker *w, float factor)
{
    const size_t floats = 2 * t->kernels->lanes, half = t->size.n_fft / 2;
    for (size_t i = 0; i < floats; i++) {
        w->bins[i] *= factor;
    }
    for (size_t i = half * floats; t->size.n_fft % 2 == 0 && i < (half + 1) * floats; i++) {
        w->bins[i] *= factor;
    }
}

/* Where the bins of a group's first frame lie in a spectrum, and with which strides. */
static size_t spectrum_offset(const bsm_transform *t, const group *g)
{
    return 2 * (g->first * t->bins * t->size.channels + g->channel);
}

static bsm_lanes_bins bins_of(const bsm_transform *t)
{
    return (bsm_lanes_bins){t->bins, 2 * t->size.channels, 2 * t->size.channels * t->bins};
}

static double forward_group(const bsm_transform *t, const worker *w, const group *g,
                            const void *job)
{
    float *spectrum = *(float *const *)job + spectrum_offset(t, g);
    const bsm_lanes_bins bins = bins_of(t);
    analyse(t, w, g);
    t->kernels->store_bins(&bins, g->count, 1, w->bins, spectrum);
    return 0;
}

void bsm_transform_forward(bsm_transform *transform, const float *const *audio, float *spectrum)
{
    pad_reflected(transform, audio);
    run(transform, forward_group, &spectrum);
}

static double inverse_group(const bsm_transform *t, const worker *w, const group *g,
                            const void *job)
{
    const float *spectrum = *(const float *const *)job + spectrum_offset(t, g);
    const bsm_lanes_bins bins = bins_of(t);
    t->kernels->load_bins(&bins, g->count, 1.0F / (float)t->size.n_fft, spectrum, w->bins);
    synthesise(t, w, g);
    return 0;
}

void bsm_transform_inverse(bsm_transform *transform, const float *spectrum, float *const *audio)
{
    const bsm_transform *t = transform;
    clear_output(t);
    run(transform, inverse_group, &spectrum);
    for (size_t c = 0; c < t->size.channels; c++) {
        const float *plane = t->output + c * t->padded + t->size.n_fft / 2;
        for (size_t i = 0; i < t->size.samples; i++) {
            audio[c][i] = plane[i] * t->weights[i];
        }
    }
}

/* ---- Gradients ---- */

static double adjoint_group(const bsm_transform *t, const worker *w, const group *g,
                            const void *job)
{
    float *spectrum = *(float *const *)job + spectrum_offset(t, g);
    const bsm_lanes_bins bins = bins_of(t);
    analyse(t, w, g);
    scale_edges(t, w, 0.5F);
    t->kernels->store_bins(&bins, g->count, 2.0F / (float)t->size.n_fft, w->bins, spectrum);
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
    run(transform, adjoint_group, &spectrum);
}

/* The inverse transform counts the inner bins twice, the adjoint of the forward transform once. */
static double moduli_group(const bsm_transform *t, const worker *w, const group *g, const void *job)
{
    const float scale = *(const float *)job;
    analyse(t, w, g);
    double sum = t->kernels->normalise(t->bins, g->count, scale / 2, w->bins);
    scale_edges(t, w, 2);
    synthesise(t, w, g);
    return sum;
}

double bsm_transform_moduli(bsm_transform *transform, const float *const *audio, double scale,
                            float *const *gradient)
{
    const float factor = (float)scale;
    pad_reflected(transform, audio);
    clear_output(transform);
    double sum = run(transform, moduli_group, &factor);
    fold_reflected(transform, gradient);
    return sum;
}
