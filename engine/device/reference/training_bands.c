/* SPDX-License-Identifier: ISC */
/* Training on the reference device: the modules with weights of their own for each band. Each band
 * is computed by one thread, so its gradients are summed in the same order with any number of
 * threads. */
#include <string.h>

#include "base/team.h"
#include "device/reference/space.h"

/* ---- Band split ---- */

/* Where a band's features begin in a frame of a spectrum. */
static size_t band_offset(const bsm_config *config, size_t band)
{
    size_t offset = 0;
    for (size_t k = 0; k < band; k++) {
        offset += bsm_reference_band_features(config, k);
    }
    return offset;
}

/* Where the features of a band and frame are in x[band][frame][dim] and its gradient. */
static size_t feature_index(const bsm_reference_space *space, size_t band, size_t frame)
{
    return (band * space->host.frames + frame) * space->host.config.dim;
}

/* The same in spectra, for the band that begins at `offset`. */
static size_t spectrum_index(const bsm_reference_space *space, size_t frame, size_t offset)
{
    return frame * bsm_config_features(&space->host.config) + offset;
}

static void split_band(const bsm_reference_space *space, const bsm_reference_thread *thread,
                       size_t stem, size_t band)
{
    (void)stem;
    const bsm_config *config = &space->host.config;
    size_t offset = band_offset(config, band);
    for (size_t t = 0; t < space->host.frames; t++) {
        bsm_reference_split_band(config->dim, bsm_reference_band_features(config, band),
                                 &space->host.weights->bands[band],
                                 space->host.mixture + spectrum_index(space, t, offset),
                                 thread->mask.values, space->x + feature_index(space, band, t));
    }
}

static void split_band_backward(const bsm_reference_space *space,
                                const bsm_reference_thread *thread, size_t stem, size_t band)
{
    (void)stem;
    const bsm_config *config = &space->host.config;
    const bsm_band_weights *weights = &space->host.weights->bands[band];
    size_t offset = band_offset(config, band);
    size_t count = (size_t)(weights->linear.bias + config->dim - weights->gamma);
    bsm_reference_gradients gradients = {weights->gamma, thread->gradients};
    bsm_reference_clear_gradients(thread, count);
    for (size_t t = 0; t < space->host.frames; t++) {
        bsm_reference_split_band_backward(config->dim, bsm_reference_band_features(config, band),
                                          weights,
                                          space->host.mixture + spectrum_index(space, t, offset),
                                          space->dx + feature_index(space, band, t),
                                          thread->mask.values, thread->dmask.values, &gradients);
    }
    bsm_reference_add_gradients(space, thread, 1, weights->gamma, count);
}

/* ---- Masks ---- */

static void mask_band(const bsm_reference_space *space, const bsm_reference_thread *thread,
                      size_t stem, size_t band)
{
    bsm_reference_mask mask = bsm_reference_mask_of(space->host.weights, stem, band);
    size_t offset = band_offset(&space->host.config, band);
    for (size_t t = 0; t < space->host.frames; t++) {
        size_t bins = spectrum_index(space, t, offset);
        bsm_reference_mask_frame(&mask, space->x + feature_index(space, band, t),
                                 space->host.mixture + bins, &thread->mask,
                                 space->host.masked + bins);
    }
}

static void mask_band_backward(const bsm_reference_space *space, const bsm_reference_thread *thread,
                               size_t stem, size_t band)
{
    bsm_reference_mask mask = bsm_reference_mask_of(space->host.weights, stem, band);
    size_t offset = band_offset(&space->host.config, band);
    const float *first = mask.weights->hidden.weight;
    size_t count = (size_t)(mask.weights->out.bias + 2 * mask.features - first);
    bsm_reference_gradients gradients = {first, thread->gradients};
    double *dfinal_norm = space->dfinal_norm + band * mask.dim;
    memset(dfinal_norm, 0, mask.dim * sizeof *dfinal_norm);
    bsm_reference_clear_gradients(thread, count);
    for (size_t t = 0; t < space->host.frames; t++) {
        size_t bins = spectrum_index(space, t, offset), features = feature_index(space, band, t);
        const float *x = space->x + features, *mixture = space->host.mixture + bins;
        bsm_reference_mask_frame(&mask, x, mixture, &thread->mask, space->host.masked + bins);
        bsm_reference_mask_frame_backward(&mask, x, mixture, &thread->mask,
                                          space->host.masked_gradient + bins, &thread->dmask,
                                          space->dx + features, &gradients, dfinal_norm);
    }
    bsm_reference_add_gradients(space, thread, 1, first, count);
}

static void add_final_norm(const bsm_reference_space *space)
{
    size_t dim = space->host.config.dim;
    float *gradient = bsm_host_gradient(&space->host, space->host.weights->final_norm);
    for (size_t i = 0; i < dim; i++) {
        double sum = 0;
        for (size_t k = 0; k < space->host.config.num_bands; k++) {
            sum += space->dfinal_norm[k * dim + i];
        }
        gradient[i] += (float)sum;
    }
}

/* ---- All bands ---- */

typedef void band_function(const bsm_reference_space *space, const bsm_reference_thread *thread,
                           size_t stem, size_t band);

/* A function that works on each of the bands. */
typedef struct band_work {
    const bsm_reference_space *space;
    band_function *function;
    size_t stem;
} band_work;

static void run_bands(void *job, size_t thread, bsm_region *region)
{
    const band_work *w = job;
    for (size_t k; bsm_region_next(region, &k);) {
        w->function(w->space, &w->space->threads[thread], w->stem, k);
    }
}

static void for_each_band(const bsm_reference_space *space, band_function *function, size_t stem)
{
    bsm_team_run(space->host.options.threads, space->host.config.num_bands, run_bands,
                 &(band_work){space, function, stem});
}

bsm_status bsm_reference_train_band_split(void *opaque, bsm_error *error)
{
    (void)error;
    bsm_reference_space *space = opaque;
    size_t values = feature_index(space, space->host.config.num_bands, 0);
    memset(space->dx, 0, values * sizeof *space->dx);
    for_each_band(space, split_band, 0);
    return BSM_OK;
}

bsm_status bsm_reference_train_band_split_backward(void *opaque, bsm_error *error)
{
    (void)error;
    for_each_band(opaque, split_band_backward, 0);
    return BSM_OK;
}

bsm_status bsm_reference_train_mask(void *opaque, size_t stem, bsm_error *error)
{
    (void)error;
    for_each_band(opaque, mask_band, stem);
    return BSM_OK;
}

bsm_status bsm_reference_train_mask_backward(void *opaque, size_t stem, bsm_error *error)
{
    (void)error;
    for_each_band(opaque, mask_band_backward, stem);
    add_final_norm(opaque);
    return BSM_OK;
}
