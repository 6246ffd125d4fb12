/* SPDX-License-Identifier: ISC */
/* The modules with weights of their own for each band, forward and backward. Each band belongs to
 * one thread, so its gradients are added in place. */
#include <string.h>

#include "device/cpu/training/products.h"
#include "device/cpu/training/space.h"
#include "device/cpu/workspace.h"

/* The band that is being computed. */
typedef struct band {
    bsm_cpu_training_space *space;
    const bsm_config *config;
    const bsm_kernels *kernels;
    const bsm_band_scratch *scratch;
    size_t index, stem;
    size_t features, ld; /* floats of a row, and from one frame to the next */
    size_t offset;       /* of the band in a frame */
} band;

/* Some frames of a band: the first one, their rows in x, and their place in a spectrum. */
typedef struct piece {
    size_t frame, rows, x, spectrum;
} piece;

static bool next_piece(const band *b, size_t *frame, piece *p)
{
    size_t rest = b->space->host.frames - *frame;
    if (rest == 0) {
        return false;
    }
    p->frame = *frame;
    p->rows = rest < BSM_GROUP_ROWS ? rest : BSM_GROUP_ROWS;
    p->x = (b->index * b->space->host.frames + *frame) * b->config->dim;
    p->spectrum = *frame * b->ld + b->offset;
    *frame += p->rows;
    return true;
}

/* A function that works on each of the bands. */
typedef struct bands {
    bsm_cpu_training_space *space;
    size_t stem;
    void (*run)(const band *);
} bands;

static void run_band(void *job, size_t thread, size_t index)
{
    const bands *all = job;
    bsm_cpu_training_space *space = all->space;
    const bsm_config *config = &space->host.config;
    all->run(&(band){.space = space,
                     .config = config,
                     .kernels = space->kernels,
                     .scratch = &space->threads[thread].band,
                     .index = index,
                     .stem = all->stem,
                     .features = bsm_cpu_training_features(config, index),
                     .ld = bsm_config_features(config),
                     .offset = bsm_cpu_training_offset(config, index)});
}

static void run_bands(bsm_cpu_training_space *space, size_t stem, void (*run)(const band *))
{
    bsm_cpu_run(space->host.options.threads, space->host.config.num_bands, run_band,
                &(bands){space, stem, run});
}

/* y = x W^T on consecutive rows. */
static void linear(const band *b, size_t rows, size_t in, size_t out, const float *x,
                   const float *weight, float *y)
{
    bsm_multiply_by_rows(&b->scratch->products, rows, out, in, bsm_in(x, in), bsm_in(weight, in), 0,
                         bsm_out(y, out));
}

/* Gradients w.r.t. weight and bias, and w.r.t. x. */
static void linear_backward(const band *b, size_t rows, size_t in, size_t out, const float *x,
                            const bsm_linear *linear, const float *d_y, float *d_x)
{
    const bsm_host *host = &b->space->host;
    b->kernels->backward->add_bias(rows, out, d_y, out, bsm_host_gradient(host, linear->bias));
    bsm_add_outer(&b->scratch->products, out, in, rows, bsm_in(d_y, out), bsm_in(x, in),
                  bsm_out(bsm_host_gradient(host, linear->weight), in));
    bsm_multiply(&b->scratch->products, rows, in, out, bsm_in(d_y, out), bsm_in(linear->weight, in),
                 0, bsm_out(d_x, in));
}

/* ---- Band split ---- */

static void normalise_split(const band *b, const piece *p)
{
    const bsm_host *host = &b->space->host;
    b->kernels->l2_norm(p->rows, b->features, host->mixture + p->spectrum, b->ld,
                        host->weights->bands[b->index].gamma, b->scratch->normed);
}

static void split(const band *b)
{
    const bsm_linear *w = &b->space->host.weights->bands[b->index].linear;
    size_t dim = b->config->dim, frame = 0;
    for (piece p; next_piece(b, &frame, &p);) {
        float *x = b->space->x + p.x;
        normalise_split(b, &p);
        linear(b, p.rows, b->features, dim, b->scratch->normed, w->weight, x);
        b->kernels->add_bias(p.rows, dim, x, dim, w->bias);
    }
}

bsm_status bsm_cpu_training_band_split(void *opaque, bsm_error *error)
{
    (void)error;
    bsm_cpu_training_space *space = opaque;
    memset(space->d_x, 0, space->rows * space->host.config.dim * sizeof *space->d_x);
    run_bands(space, 0, split);
    return BSM_OK;
}

static void split_backward(const band *b)
{
    const bsm_host *host = &b->space->host;
    const bsm_band_weights *w = &host->weights->bands[b->index];
    size_t dim = b->config->dim, frame = 0;
    for (piece p; next_piece(b, &frame, &p);) {
        normalise_split(b, &p);
        linear_backward(b, p.rows, b->features, dim, b->scratch->normed, &w->linear,
                        b->space->d_x + p.x, b->scratch->d_normed);
        b->kernels->backward->l2_norm(p.rows, b->features, host->mixture + p.spectrum, b->ld,
                                      w->gamma, b->scratch->d_normed, NULL,
                                      bsm_host_gradient(host, w->gamma));
    }
}

bsm_status bsm_cpu_training_band_split_backward(void *space, bsm_error *error)
{
    (void)error;
    run_bands(space, 0, split_backward);
    return BSM_OK;
}

/* ---- Mask ---- */

static const bsm_mask_weights *mask_weights(const band *b)
{
    return &b->space->host.weights->masks[b->stem * b->config->num_bands + b->index];
}

static const float *mask_input(const band *b, const piece *p)
{
    return bsm_cpu_training_x(b->space, 2 * b->config->depth) + p->x;
}

/* The thread's scratch memory, where the values that are kept from forward to backward point to
 * where they are kept. */
static bsm_band_scratch mask_scratch(const band *b, const piece *p)
{
    const bsm_kept_mask *kept = &b->space->mask;
    bsm_band_scratch s = *b->scratch;
    if (kept->hidden) {
        s.hidden = kept->hidden + p->x * b->config->mask_expansion;
        s.values = kept->values + 2 * (b->space->host.frames * b->offset + p->frame * b->features);
    }
    return s;
}

static void normalise_mask(const band *b, const piece *p)
{
    size_t dim = b->config->dim;
    b->kernels->l2_norm(p->rows, dim, mask_input(b, p), dim, b->space->host.weights->final_norm,
                        b->scratch->normed);
}

/* Compute the values and gates, without their bias. */
static void estimate(const band *b, const piece *p, const bsm_band_scratch *s)
{
    const bsm_mask_weights *w = mask_weights(b);
    size_t dim = b->config->dim, hidden = b->config->mask_expansion * dim;
    normalise_mask(b, p);
    linear(b, p->rows, dim, hidden, s->normed, w->hidden.weight, s->hidden);
    b->kernels->tanh_bias(p->rows, hidden, s->hidden, w->hidden.bias);
    linear(b, p->rows, hidden, 2 * b->features, s->hidden, w->out.weight, s->values);
}

static void mask(const band *b)
{
    const bsm_host *host = &b->space->host;
    size_t frame = 0;
    for (piece p; next_piece(b, &frame, &p);) {
        bsm_band_scratch s = mask_scratch(b, &p);
        estimate(b, &p, &s);
        b->kernels->apply_mask(p.rows, b->features, s.values, mask_weights(b)->out.bias,
                               host->mixture + p.spectrum, host->masked + p.spectrum, b->ld);
    }
}

bsm_status bsm_cpu_training_mask(void *space, size_t stem, bsm_error *error)
{
    (void)error;
    run_bands(space, stem, mask);
    return BSM_OK;
}

static void mask_backward(const band *b)
{
    const bsm_host *host = &b->space->host;
    const bsm_backward_kernels *backward = b->kernels->backward;
    const bsm_mask_weights *w = mask_weights(b);
    size_t dim = b->config->dim, hidden = b->config->mask_expansion * dim, frame = 0;
    float *d_final_norm = b->space->d_final_norm + b->index * dim;
    memset(d_final_norm, 0, dim * sizeof *d_final_norm);
    for (piece p; next_piece(b, &frame, &p);) {
        bsm_band_scratch s = mask_scratch(b, &p);
        if (b->space->mask.hidden) {
            normalise_mask(b, &p);
        } else {
            estimate(b, &p, &s);
        }
        backward->apply_mask(p.rows, b->features, s.values, w->out.bias, host->mixture + p.spectrum,
                             host->masked_gradient + p.spectrum, b->ld, s.d_values);
        linear_backward(b, p.rows, hidden, 2 * b->features, s.hidden, &w->out, s.d_values,
                        s.d_hidden);
        backward->tanh(p.rows * hidden, s.hidden, s.d_hidden);
        linear_backward(b, p.rows, dim, hidden, s.normed, &w->hidden, s.d_hidden, s.d_normed);
        backward->l2_norm(p.rows, dim, mask_input(b, &p), dim, host->weights->final_norm,
                          s.d_normed, b->space->d_x + p.x, d_final_norm);
    }
}

bsm_status bsm_cpu_training_mask_backward(void *opaque, size_t stem, bsm_error *error)
{
    (void)error;
    bsm_cpu_training_space *space = opaque;
    const bsm_config *config = &space->host.config;
    run_bands(space, stem, mask_backward);
    float *gradient = bsm_host_gradient(&space->host, space->host.weights->final_norm);
    for (size_t k = 0; k < config->num_bands; k++) {
        space->kernels->backward->add(config->dim, space->d_final_norm + k * config->dim, gradient);
    }
    return BSM_OK;
}
