/* SPDX-License-Identifier: ISC */
/* The item's signals: their transforms, and the loss of one stem. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signal/frames.h"
#include "training/space.h"

/* ---- Plans and memory ---- */

static bsm_framing framing_of(const bsm_cuda_training *space, size_t window, size_t hop)
{
    const bsm_config *config = &space->config;
    const size_t samples = space->options.samples;
    const size_t n_fft = window > config->n_fft ? window : config->n_fft;
    return (bsm_framing){.n_fft = (uint32_t)n_fft,
                         .window_size = (uint32_t)window,
                         .hop = (uint32_t)hop,
                         .before = (uint32_t)(n_fft / 2),
                         .channels = (uint32_t)config->channels,
                         .samples = (uint32_t)samples,
                         .frames = (uint32_t)(1 + samples / hop)};
}

static size_t transforms_of(const bsm_framing *framing)
{
    return (size_t)framing->frames * framing->channels;
}

static bsm_status open_transform(const bsm_cuda_training *space, bsm_gpu_transform *transform,
                                 size_t window, size_t hop, bsm_error *error)
{
    transform->framing = framing_of(space, window, hop);
    return bsm_gpu_fft_new(space->gpu, transform->framing.n_fft, transforms_of(&transform->framing),
                           &transform->fft, error);
}

bsm_status bsm_gpu_signals_open(bsm_cuda_training *space, bsm_error *error)
{
    const bsm_loss_options *loss = &space->options.loss;
    bsm_gpu_signals *signals = &space->signals;
    bsm_status status =
        open_transform(space, &signals->model, space->config.n_fft, space->config.hop, error);
    for (size_t i = 0; i < loss->num_windows && !status; i++) {
        status = open_transform(space, &signals->windows[i], loss->windows[i], loss->hop, error);
    }
    return status;
}

void bsm_gpu_signals_close(bsm_cuda_training *space)
{
    bsm_gpu_fft_free(space->signals.model.fft);
    for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
        bsm_gpu_fft_free(space->signals.windows[i].fft);
    }
}

static size_t plane(const bsm_cuda_training *space)
{
    return space->config.channels * space->options.samples;
}

static void divide_transform(bsm_gpu_transform *t, bool inverse, bsm_carver *carver)
{
    t->window = bsm_carve_floats(carver, t->framing.window_size);
    t->weights = inverse ? bsm_carve_floats(carver, t->framing.samples) : NULL;
    t->framing.window = t->window;
    t->framing.weights = t->weights;
}

void bsm_gpu_signals_divide(bsm_cuda_training *space, bsm_carver *carver)
{
    bsm_gpu_signals *s = &space->signals;
    const size_t stems = space->config.num_stems;
    const size_t spectrum = space->frames * bsm_config_features(&space->config);
    divide_transform(&s->model, true, carver);
    for (size_t i = 0; i < space->options.loss.num_windows; i++) {
        divide_transform(&s->windows[i], false, carver);
    }
    s->audio = bsm_carve_floats(carver, (1 + stems) * plane(space));
    s->targets = bsm_carve_floats(carver, stems * plane(space));
    s->predicted = bsm_carve_floats(carver, plane(space));
    s->gradient = bsm_carve_floats(carver, plane(space));
    s->mixture = bsm_carve_floats(carver, spectrum);
    s->masked = bsm_carve_floats(carver, spectrum);
    s->masked_gradient = bsm_carve_floats(carver, spectrum);
    s->partial = bsm_carve(carver, BSM_REDUCING_BLOCKS * sizeof *s->partial);
    s->sums = bsm_carve(carver, BSM_NUM_TERMS * sizeof *s->sums);
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

void bsm_gpu_signals_divide_scratch(bsm_cuda_training *space, bsm_carver *carver)
{
    bsm_gpu_signals *s = &space->signals;
    size_t frames = 0, bins = 0, bytes = 0;
    for (size_t i = 0; i <= space->options.loss.num_windows; i++) {
        const bsm_gpu_transform *t = i ? &s->windows[i - 1] : &s->model;
        const size_t transforms = transforms_of(&t->framing), n_fft = t->framing.n_fft;
        frames = max(frames, transforms * n_fft);
        bins = max(bins, transforms * 2 * (n_fft / 2 + 1));
        bytes = max(bytes, bsm_gpu_fft_bytes(t->fft));
    }
    s->frames = bsm_carve_floats(carver, frames);
    s->bins = bsm_carve_floats(carver, bins);
    s->fft_scratch = bsm_carve(carver, bytes);
}

/* ---- Windows ---- */

/* Set each weight to 1 / the sum of the squared windows over its sample, or to 0 where no window
 * reaches. */
static void fill_weights(const bsm_framing *f, const float *window, double *sums, float *weights)
{
    static const double no_window = 1e-11; /* as in signal/transform.c */
    for (size_t t = 0; t < f->frames; t++) {
        double *at = sums + t * f->hop + (f->n_fft - f->window_size) / 2;
        for (size_t i = 0; i < f->window_size; i++) {
            at[i] += (double)window[i] * (double)window[i];
        }
    }
    for (size_t i = 0; i < f->samples; i++) {
        const double sum = sums[f->n_fft / 2 + i];
        weights[i] = sum < no_window ? 0.0F : (float)(1 / sum);
    }
}

static bsm_status fill_transform(bsm_cuda_training *space, const bsm_gpu_transform *t,
                                 bsm_error *error)
{
    const bsm_framing *f = &t->framing;
    float *window = bsm_frame_window(f->window_size);
    float *weights = calloc(f->samples, sizeof *weights);
    double *sums = calloc((size_t)f->samples + f->n_fft, sizeof *sums);
    bsm_status status = BSM_OK;
    if (!window || !weights || !sums) {
        status = bsm_fail(error, BSM_NO_MEMORY, "training: out of memory");
    } else {
        bsm_cuda_training_upload(space, t->window, window, f->window_size * sizeof *window);
        if (t->weights) {
            fill_weights(f, window, sums, weights);
            bsm_cuda_training_upload(space, t->weights, weights, f->samples * sizeof *weights);
        }
    }
    free(window);
    free(weights);
    free(sums);
    return status;
}

bsm_status bsm_gpu_signals_fill(bsm_cuda_training *space, bsm_error *error)
{
    bsm_status status = fill_transform(space, &space->signals.model, error);
    for (size_t i = 0; i < space->options.loss.num_windows && !status; i++) {
        status = fill_transform(space, &space->signals.windows[i], error);
    }
    return status;
}

/* ---- Transforms ---- */

static void to_bins(const bsm_cuda_training *space, const bsm_gpu_transform *t, const float *audio,
                    bool adjoint)
{
    const bsm_gpu_signals *s = &space->signals;
    bsm_kernel_cut_frames(bsm_gpu_queue(space->gpu), &t->framing, audio, adjoint, s->frames);
    bsm_gpu_fft_forward(space->gpu, t->fft, s->frames, s->bins, s->fft_scratch);
}

static void to_frames(const bsm_cuda_training *space, const bsm_gpu_transform *t)
{
    const bsm_gpu_signals *s = &space->signals;
    bsm_gpu_fft_inverse(space->gpu, t->fft, s->bins, s->frames, s->fft_scratch);
}

static void to_spectrum(const bsm_cuda_training *space, const float *audio, bool adjoint,
                        float *spectrum)
{
    const bsm_gpu_transform *t = &space->signals.model;
    to_bins(space, t, audio, adjoint);
    bsm_kernel_store_bins(bsm_gpu_queue(space->gpu), &t->framing, space->signals.bins, adjoint,
                          spectrum);
}

static void to_audio(const bsm_cuda_training *space, const float *spectrum, float *audio)
{
    const bsm_gpu_transform *t = &space->signals.model;
    bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    bsm_kernel_load_bins(queue, &t->framing, spectrum, space->signals.bins);
    to_frames(space, t);
    bsm_kernel_overlap_add(queue, &t->framing, space->signals.frames, audio);
}

/* ---- Loading ---- */

static void copy_channels(const bsm_cuda_training *space, const float *const *channels, float *to)
{
    const size_t samples = space->options.samples;
    for (size_t c = 0; c < space->config.channels; c++) {
        memcpy(to + c * samples, channels[c], samples * sizeof *to);
    }
}

/* Load an item. Returns as soon as the item is copied; the GPU may still be busy with the last
 * one. */
bsm_status bsm_cuda_training_load(void *opaque, const bsm_training_item *item, bsm_error *error)
{
    bsm_cuda_training *space = opaque;
    const bsm_gpu_signals *s = &space->signals;
    const size_t stems = space->config.num_stems;
    bsm_gpu_use(space->gpu);
    if (space->uploading) { /* the last item was abandoned before its loss was computed */
        bsm_gpu_wait(space->gpu);
    }
    space->dropout_key = item->dropout_key;
    copy_channels(space, item->mixture, space->host_audio);
    for (size_t stem = 0; stem < stems; stem++) {
        copy_channels(space, item->stems[stem], space->host_audio + (1 + stem) * plane(space));
    }
    bsm_gpu_upload(space->gpu, s->audio, space->host_audio,
                   (1 + stems) * plane(space) * sizeof *s->audio);
    space->uploading = true;
    to_spectrum(space, s->audio, false, s->mixture);
    for (size_t stem = 0; stem < stems; stem++) {
        to_spectrum(space, s->audio + (1 + stem) * plane(space), false, s->masked);
        to_audio(space, s->masked, s->targets + stem * plane(space));
    }
    return bsm_gpu_status(space->gpu, error);
}

/* ---- Loss ---- */

static double time_count(const bsm_cuda_training *space)
{
    return (double)plane(space);
}

static double spectral_count(const bsm_gpu_transform *t)
{
    return (double)transforms_of(&t->framing) * (double)(t->framing.n_fft / 2 + 1);
}

static void time_term(const bsm_cuda_training *space, size_t stem, double scale)
{
    const bsm_gpu_signals *s = &space->signals;
    bsm_time_term term = {.count = plane(space),
                          .step = (float)(scale / time_count(space)),
                          .target = s->targets + stem * plane(space),
                          .predicted = s->predicted,
                          .gradient = s->gradient,
                          .partial = s->partial,
                          .sum = s->sums + BSM_TIME_TERM,
                          .floor = BSM_SQUARE_FLOOR};
    if (space->options.loss.time_norm == BSM_NORM_L2) {
        bsm_kernel_square_term(bsm_gpu_queue(space->gpu), &term);
    } else {
        bsm_kernel_time_term(bsm_gpu_queue(space->gpu), &term);
    }
}

/* Must be queued after time_term, which leaves the difference in `predicted`. */
static void silence_term(const bsm_cuda_training *space, size_t stem, double scale)
{
    const bsm_gpu_signals *s = &space->signals;
    const bsm_loss_options *options = &space->options.loss;
    bsm_silence_term term = {.samples = space->options.samples,
                             .piece = options->silence_piece,
                             .channels = (uint32_t)space->config.channels,
                             .floor = pow(10, options->silence_floor / 10),
                             .step = scale,
                             .mixture = s->audio,
                             .target = s->targets + stem * plane(space),
                             .difference = s->predicted,
                             .gradient = s->gradient,
                             .partial = s->partial,
                             .sum = s->sums + BSM_SILENCE_TERM};
    bsm_kernel_silence_term(bsm_gpu_queue(space->gpu), &term);
}

/* The transform is linear, so one transform of the difference is enough. */
static void spectral_term(const bsm_cuda_training *space, size_t window, double scale)
{
    const bsm_gpu_signals *s = &space->signals;
    const bsm_gpu_transform *t = &s->windows[window];
    bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    bsm_moduli moduli = {.n_fft = t->framing.n_fft,
                         .transforms = transforms_of(&t->framing),
                         .step = (float)(scale / spectral_count(t)),
                         .bins = s->bins,
                         .partial = s->partial,
                         .sum = s->sums + BSM_FIRST_WINDOW_TERM + window};
    to_bins(space, t, s->predicted, false);
    bsm_kernel_moduli(queue, &moduli);
    to_frames(space, t);
    bsm_kernel_fold_frames(queue, &t->framing, s->frames, s->gradient);
}

static bsm_loss loss_of(const bsm_cuda_training *space)
{
    const bsm_loss_options *options = &space->options.loss;
    bsm_loss loss = {.time = space->host_sums[BSM_TIME_TERM] / time_count(space)};
    if (options->time_norm == BSM_NORM_L2) {
        loss.time = sqrt(loss.time + BSM_SQUARE_FLOOR);
    }
    loss.total = options->lambda_time * loss.time;
    if (options->lambda_silence > 0) {
        loss.silence = space->host_sums[BSM_SILENCE_TERM];
        loss.total += options->lambda_silence * loss.silence;
    }
    for (size_t i = 0; i < options->num_windows; i++) {
        loss.spectral[i] = space->host_sums[BSM_FIRST_WINDOW_TERM + i] /
                           spectral_count(&space->signals.windows[i]);
        loss.total += loss.spectral[i];
    }
    return loss;
}

bsm_status bsm_cuda_training_loss(void *opaque, size_t stem, double scale, bsm_loss *loss,
                                  bsm_error *error)
{
    bsm_cuda_training *space = opaque;
    const bsm_gpu_signals *s = &space->signals;
    const bsm_loss_options *options = &space->options.loss;
    bsm_gpu_use(space->gpu);
    to_audio(space, s->masked, s->predicted);
    time_term(space, stem, scale * options->lambda_time);
    if (options->lambda_silence > 0) {
        silence_term(space, stem, scale * options->lambda_silence);
    }
    for (size_t i = 0; i < options->num_windows; i++) {
        spectral_term(space, i, scale);
    }
    to_spectrum(space, s->gradient, true, s->masked_gradient);
    bsm_gpu_download(space->gpu, space->host_sums, s->sums, BSM_NUM_TERMS * sizeof *s->sums);
    bsm_gpu_wait(space->gpu);
    space->uploading = false;
    bsm_status status = bsm_gpu_status(space->gpu, error);
    if (!status) {
        *loss = loss_of(space);
    }
    return status;
}
