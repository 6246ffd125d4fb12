/* SPDX-License-Identifier: ISC */
/* The paper's loss of one stem, and its gradient w.r.t. the stem's masked spectrum. */
#include <math.h>
#include <string.h>

#include "device/host/host.h"

/* Replace the prediction by its difference from the target. */
static void subtract_target(const bsm_host *host, size_t stem)
{
    for (size_t c = 0; c < host->config.channels; c++) {
        const float *target = host->signals->targets[stem][c];
        float *difference = host->signals->difference[c];
        for (size_t i = 0; i < host->options.samples; i++) {
            difference[i] -= target[i];
        }
    }
}

/* The mean of |d|. Its gradient times `scale` becomes the initial gradient w.r.t. the waveform. */
static double time_term(const bsm_host *host, double scale)
{
    const size_t samples = host->options.samples;
    const double count = (double)(samples * host->config.channels);
    const float step = (float)(scale / count);
    double sum = 0;
    for (size_t c = 0; c < host->config.channels; c++) {
        const float *difference = host->signals->difference[c];
        float *gradient = host->signals->gradient[c];
        for (size_t i = 0; i < samples; i++) {
            float d = difference[i];
            sum += (double)fabsf(d);
            gradient[i] = d > 0 ? step : d < 0 ? -step : 0 * d; /* the gradient of a NaN is NaN */
        }
    }
    return sum / count;
}

/* The root of the mean of d^2, which has a lower limit; its gradient likewise. */
static double root_mean_square_term(const bsm_host *host, double scale)
{
    const size_t samples = host->options.samples;
    const double count = (double)(samples * host->config.channels);
    double sum = 0;
    for (size_t c = 0; c < host->config.channels; c++) {
        const float *difference = host->signals->difference[c];
        for (size_t i = 0; i < samples; i++) {
            sum += (double)difference[i] * (double)difference[i];
        }
    }
    const double root = sqrt(sum / count + BSM_SQUARE_FLOOR);
    const float step = (float)(scale / (count * root));
    for (size_t c = 0; c < host->config.channels; c++) {
        const float *difference = host->signals->difference[c];
        float *gradient = host->signals->gradient[c];
        for (size_t i = 0; i < samples; i++) {
            gradient[i] = step * difference[i];
        }
    }
    return root;
}

/* Sums of squares over a piece of all channels. */
typedef struct energies {
    double mixture, target, predicted;
} energies;

static energies energies_of(const bsm_host *host, size_t stem, size_t first, size_t end)
{
    energies e = {0};
    for (size_t c = 0; c < host->config.channels; c++) {
        const float *mixture = host->item->mixture[c];
        const float *target = host->signals->targets[stem][c];
        const float *difference = host->signals->difference[c];
        for (size_t i = first; i < end; i++) {
            const double m = (double)mixture[i], t = (double)target[i];
            const double p = t + (double)difference[i];
            e.mixture += m * m;
            e.target += t * t;
            e.predicted += p * p;
        }
    }
    return e;
}

/* gradient += factor * prediction */
static void add_prediction(const bsm_host *host, size_t stem, size_t first, size_t end,
                           double factor)
{
    for (size_t c = 0; c < host->config.channels; c++) {
        const float *target = host->signals->targets[stem][c];
        const float *difference = host->signals->difference[c];
        float *gradient = host->signals->gradient[c];
        for (size_t i = first; i < end; i++) {
            gradient[i] += (float)factor * (target[i] + difference[i]);
        }
    }
}

/* The level of the prediction in silent pieces, in dB above the floor. Its gradient times `scale`
 * is added to the gradient w.r.t. the waveform. */
static double silence_term(const bsm_host *host, size_t stem, double scale)
{
    const bsm_loss_options *options = &host->options.loss;
    const size_t samples = host->options.samples, piece = options->silence_piece;
    const double floor = pow(10, options->silence_floor / 10), decibel = 10 / log(10);
    double sum = 0;
    for (size_t first = 0; first < samples; first += piece) {
        const size_t end = samples - first < piece ? samples : first + piece;
        const double share = (double)(end - first) / (double)samples;
        const energies e = energies_of(host, stem, first, end);
        const double allowed = floor * e.mixture;
        if (e.target < allowed) {
            sum += share * decibel * log1p(e.predicted / allowed);
            add_prediction(host, stem, first, end,
                           scale * share * decibel * 2 / (allowed + e.predicted));
        }
    }
    return sum;
}

/* The mean of |D| for one window size, where D is the transform of the difference; one transform
 * is enough because it is linear. Its gradient times `scale` is added to the gradient w.r.t. the
 * waveform. */
static double spectral_term(const bsm_host *host, size_t window, double scale)
{
    bsm_host_signals *signals = host->signals;
    bsm_transform *transform = signals->windows[window];
    const size_t length = host->options.loss.windows[window];
    const size_t n_fft = length > host->config.n_fft ? length : host->config.n_fft;
    const double count = (double)host->config.channels * (double)(n_fft / 2 + 1) *
                         (double)bsm_transform_frames(transform);
    const float *const *difference = (const float *const *)signals->difference;
    return bsm_transform_moduli(transform, difference, scale / count, signals->gradient) / count;
}

bsm_status bsm_host_loss(void *space, size_t stem, double scale, bsm_loss *loss, bsm_error *error)
{
    (void)error;
    bsm_host *host = space;
    bsm_host_signals *signals = host->signals;
    const bsm_loss_options *options = &host->options.loss;
    bsm_transform_inverse(signals->model, host->masked, signals->difference);
    subtract_target(host, stem);

    *loss = (bsm_loss){.time = options->time_norm == BSM_NORM_L2
                                   ? root_mean_square_term(host, scale * options->lambda_time)
                                   : time_term(host, scale * options->lambda_time)};
    loss->total = options->lambda_time * loss->time;
    if (options->lambda_silence > 0) {
        loss->silence = silence_term(host, stem, scale * options->lambda_silence);
        loss->total += options->lambda_silence * loss->silence;
    }
    for (size_t i = 0; i < options->num_windows; i++) {
        loss->spectral[i] = spectral_term(host, i, scale);
        loss->total += loss->spectral[i];
    }
    bsm_transform_inverse_adjoint(signals->model, (const float *const *)signals->gradient,
                                  host->masked_gradient);
    return BSM_OK;
}
