/* SPDX-License-Identifier: ISC */
/* The modules that have their own weights for each band, forward and backward, with a batch of
 * products for each run of bands of the same width. */
#include "training/space.h"

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A linear layer [out][in] per band of a run, and the number of rows that it is applied to. */
typedef struct run_layer {
    const bsm_cuda_training *space;
    size_t bands, rows, out, in;
    size_t place, stride; /* offset of the weights, and distance to the next band's */
} run_layer;

/* y = x W^T + beta y */
static void layer_forward(const run_layer *l, const void *x, float beta, float *y)
{
    bsm_gpu_multiply(l->space->gpu, (bsm_gpu_sizes){l->rows, l->out, l->in, l->bands},
                     bsm_gpu_in(x, l->in, l->rows * l->in),
                     bsm_gpu_transposed(bsm_weights_at(l->space, l->place), l->in, l->stride), beta,
                     bsm_gpu_out(y, l->out, l->rows * l->out));
}

/* Add d_y^T x to the gradient w.r.t. W, and compute d_x = d_y W. */
static void layer_backward(const run_layer *l, const void *x, const void *d_y, float *d_x)
{
    bsm_gpu_multiply(l->space->gpu, (bsm_gpu_sizes){l->out, l->in, l->rows, l->bands},
                     bsm_gpu_transposed(d_y, l->out, l->rows * l->out),
                     bsm_gpu_in(x, l->in, l->rows * l->in), 1,
                     bsm_gpu_out(bsm_gradients_at(l->space, l->place), l->in, l->stride));
    bsm_gpu_multiply(l->space->gpu, (bsm_gpu_sizes){l->rows, l->in, l->out, l->bands},
                     bsm_gpu_in(d_y, l->out, l->rows * l->out),
                     bsm_gpu_in(bsm_weights_at(l->space, l->place), l->in, l->stride), 0,
                     bsm_gpu_out(d_x, l->in, l->rows * l->in));
}

/* ---- Band split ---- */

static run_layer split_layer(const bsm_cuda_training *space, const bsm_band_run *run)
{
    const bsm_split_places *p = &space->places.splits[run->first];
    return (run_layer){.space = space,
                       .bands = run->count,
                       .rows = space->frames,
                       .out = space->config.dim,
                       .in = run->features,
                       .place = p->weight,
                       .stride = run->count > 1 ? p[1].weight - p[0].weight : 0};
}

/* Collect from the parameters what an item needs: the packed vectors and the decay rates. The
 * gradients of the packed vectors become zero. */
static void gather_vectors(const bsm_cuda_training *space)
{
    const bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    const bsm_packed_vectors *p = &space->packed;
    const float *parameters = space->vectors[BSM_PARAMETERS];
    bsm_kernel_gather(queue, p->count, p->index, parameters, p->values);
    bsm_gpu_zero(space->gpu, p->gradients, p->count * sizeof *p->gradients);
    bsm_kernel_decay_rates(queue, 4 * space->config.depth * bsm_config_heads(&space->config),
                           space->A_index, parameters, space->A);
}

static void pack_split(const bsm_cuda_training *space, float *x)
{
    const bsm_packed_vectors *p = &space->packed;
    bsm_split split = {.frames = (uint32_t)space->frames,
                       .num_bands = (uint32_t)space->config.num_bands,
                       .features = (uint32_t)bsm_config_features(&space->config),
                       .dim = (uint32_t)space->config.dim,
                       .bands = space->bands,
                       .spectrum = space->signals.mixture,
                       .gamma = p->values + p->gamma,
                       .bias = p->values + p->bias,
                       .packed = space->scratch.packed,
                       .x = x};
    bsm_kernel_split(bsm_gpu_queue(space->gpu), &split);
}

bsm_status bsm_cuda_training_band_split(void *opaque, bsm_error *error)
{
    const bsm_cuda_training *space = opaque;
    const size_t dim = space->config.dim, frames = space->frames;
    bsm_gpu_use(space->gpu);
    gather_vectors(space);
    bsm_gpu_zero(space->gpu, space->d_x, space->rows * dim * sizeof *space->d_x);
    pack_split(space, space->x);
    for (size_t r = 0; r < space->num_runs; r++) {
        const bsm_band_run *run = &space->runs[r];
        const run_layer layer = split_layer(space, run);
        layer_forward(&layer, bsm_values_at(space, space->scratch.packed, run->before * frames), 1,
                      space->x + run->first * frames * dim); /* x holds the bias */
    }
    return bsm_gpu_status(space->gpu, error);
}

/* The gradients w.r.t. the bands' biases: sums of d_x over each band's frames. */
static void split_bias_backward(const bsm_cuda_training *space)
{
    const bsm_packed_vectors *p = &space->packed;
    const size_t dim = space->config.dim;
    for (size_t k = 0; k < space->config.num_bands; k++) {
        bsm_sum_rows sum = {.rows = (uint32_t)space->frames,
                            .columns = (uint32_t)dim,
                            .in = space->d_x + k * space->frames * dim,
                            .partial = space->partial};
        bsm_kernel_sum_rows(bsm_gpu_queue(space->gpu), &sum);
        bsm_add_sums(space, bsm_pieces_of(sum.rows), dim, p->gradients + p->bias + k * dim);
    }
}

static void gamma_backward(const bsm_cuda_training *space)
{
    const bsm_packed_vectors *p = &space->packed;
    bsm_split_backward split = {.frames = (uint32_t)space->frames,
                                .num_bands = (uint32_t)space->config.num_bands,
                                .features = (uint32_t)bsm_config_features(&space->config),
                                .band_of = space->band_of,
                                .bands = space->bands,
                                .spectrum = space->signals.mixture,
                                .d_packed = space->scratch.d_packed,
                                .factors = space->scratch.factors,
                                .partial = space->partial};
    bsm_kernel_split_backward(bsm_gpu_queue(space->gpu), &split);
    bsm_add_sums(space, bsm_pieces_of(split.frames), split.features, p->gradients + p->gamma);
}

/* This is the last module of the backward pass, so it adds the gradients of the packed vectors to
 * those of the parameters. */
bsm_status bsm_cuda_training_band_split_backward(void *opaque, bsm_error *error)
{
    const bsm_cuda_training *space = opaque;
    const bsm_packed_vectors *p = &space->packed;
    const size_t dim = space->config.dim, frames = space->frames;
    bsm_gpu_use(space->gpu);
    /* bsm_kernel_split also writes biases to x, which are not needed here. They overwrite the
     * features of the first path, which is done. */
    pack_split(space, space->x);
    bsm_cuda_training_convert_gradient(space);
    for (size_t r = 0; r < space->num_runs; r++) {
        const bsm_band_run *run = &space->runs[r];
        const run_layer layer = split_layer(space, run);
        const size_t at = run->before * frames;
        layer_backward(&layer, bsm_values_at(space, space->scratch.packed, at),
                       bsm_values_at(space, space->d_x_values, run->first * frames * dim),
                       space->scratch.d_packed + at);
    }
    split_bias_backward(space);
    gamma_backward(space);
    bsm_kernel_scatter_add(bsm_gpu_queue(space->gpu), p->count, p->index, p->gradients,
                           space->vectors[BSM_GRADIENTS]);
    return bsm_gpu_status(space->gpu, error);
}

/* ---- Masks ---- */

/* A range of frames of a stem's mask. */
typedef struct mask_work {
    const bsm_cuda_training *space;
    const bsm_mask_places *places; /* [band], for this stem */
    size_t stem, first, count;     /* first, count: range of frames */
    size_t hidden;
} mask_work;

static bsm_rows rows_of(const mask_work *m)
{
    return (bsm_rows){.first = (uint32_t)m->first,
                      .per = (uint32_t)m->count,
                      .stride = (uint32_t)m->space->frames,
                      .batches = (uint32_t)m->space->config.num_bands};
}

static run_layer hidden_layer(const mask_work *m, const bsm_band_run *run)
{
    const bsm_mask_places *p = &m->places[run->first];
    return (run_layer){.space = m->space,
                       .bands = run->count,
                       .rows = m->count,
                       .out = m->hidden,
                       .in = m->space->config.dim,
                       .place = p->hidden,
                       .stride = run->count > 1 ? p[1].hidden - p[0].hidden : 0};
}

static run_layer out_layer(const mask_work *m, const bsm_band_run *run)
{
    const bsm_mask_places *p = &m->places[run->first];
    return (run_layer){.space = m->space,
                       .bands = run->count,
                       .rows = m->count,
                       .out = 2 * run->features,
                       .in = m->hidden,
                       .place = p->out,
                       .stride = run->count > 1 ? p[1].out - p[0].out : 0};
}

/* The index where a run starts in [band][frame][width]. */
static size_t run_at(const mask_work *m, const bsm_band_run *run, size_t width)
{
    return run->first * m->count * width;
}

static size_t values_at(const mask_work *m, const bsm_band_run *run)
{
    return 2 * run->before * m->count;
}

/* Compute the values and gates of the mask, still without their bias. */
static void estimate(const mask_work *m)
{
    const bsm_cuda_training *space = m->space;
    const bsm_bands_scratch *s = &space->scratch;
    const bsm_packed_vectors *p = &space->packed;
    const bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    const size_t dim = space->config.dim;
    bsm_l2_norm norm = {.rows = rows_of(m),
                        .dim = (uint32_t)dim,
                        .x = bsm_features_at(space, 2 * space->config.depth),
                        .gamma = space->vectors[BSM_PARAMETERS] + space->places.final_norm,
                        .u = s->u};
    bsm_kernel_l2_norm(queue, &norm);
    for (size_t r = 0; r < space->num_runs; r++) {
        const bsm_band_run *run = &space->runs[r];
        const run_layer layer = hidden_layer(m, run);
        layer_forward(&layer, bsm_values_at(space, s->u, run_at(m, run, dim)), 0,
                      s->hidden + run_at(m, run, m->hidden));
    }
    bsm_tanh tanh = {.num_bands = (uint32_t)space->config.num_bands,
                     .rows = (uint32_t)m->count,
                     .width = (uint32_t)m->hidden,
                     .hidden = s->hidden,
                     .bias = p->values + p->hidden_bias + m->stem * p->stem_hidden,
                     .out = s->tanh};
    bsm_kernel_tanh(queue, &tanh);
    for (size_t r = 0; r < space->num_runs; r++) {
        const bsm_band_run *run = &space->runs[r];
        const run_layer layer = out_layer(m, run);
        layer_forward(&layer, bsm_values_at(space, s->tanh, run_at(m, run, m->hidden)), 0,
                      s->values + values_at(m, run));
    }
}

static bsm_apply_mask mask_of(const mask_work *m)
{
    const bsm_cuda_training *space = m->space;
    const bsm_packed_vectors *p = &space->packed;
    const size_t features = bsm_config_features(&space->config), at = m->first * features;
    return (bsm_apply_mask){.frames = (uint32_t)m->count,
                            .features = (uint32_t)features,
                            .band_of = space->band_of,
                            .bands = space->bands,
                            .values = space->scratch.values,
                            .bias = p->values + p->out_bias + m->stem * p->stem_out,
                            .mixture = space->signals.mixture + at,
                            .masked = space->signals.masked + at};
}

static void mask_frames(const mask_work *m)
{
    estimate(m);
    bsm_apply_mask apply = mask_of(m);
    bsm_kernel_apply_mask(bsm_gpu_queue(m->space->gpu), &apply);
}

/* ---- Masks backward ---- */

static void values_backward(const mask_work *m)
{
    const bsm_cuda_training *space = m->space;
    const bsm_packed_vectors *p = &space->packed;
    const bsm_bands_scratch *s = &space->scratch;
    bsm_apply_mask_backward mask = {.forward = mask_of(m),
                                    .d_masked = space->signals.masked_gradient +
                                                m->first * bsm_config_features(&space->config),
                                    .d_values = s->d_values,
                                    .partial = space->partial};
    bsm_kernel_apply_mask_backward(bsm_gpu_queue(space->gpu), &mask);
    bsm_add_sums(space, bsm_pieces_of(mask.forward.frames), 2 * (size_t)mask.forward.features,
                 p->gradients + p->out_bias + m->stem * p->stem_out);
    for (size_t r = 0; r < space->num_runs; r++) {
        const bsm_band_run *run = &space->runs[r];
        const run_layer layer = out_layer(m, run);
        layer_backward(&layer, bsm_values_at(space, s->tanh, run_at(m, run, m->hidden)),
                       bsm_values_at(space, s->d_values, values_at(m, run)),
                       s->hidden + run_at(m, run, m->hidden));
    }
}

static void hidden_backward(const mask_work *m)
{
    const bsm_cuda_training *space = m->space;
    const bsm_packed_vectors *p = &space->packed;
    const bsm_bands_scratch *s = &space->scratch;
    const bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    const size_t dim = space->config.dim;
    bsm_tanh_backward tanh = {.num_bands = (uint32_t)space->config.num_bands,
                              .rows = (uint32_t)m->count,
                              .width = (uint32_t)m->hidden,
                              .out = s->tanh,
                              .d_out = s->hidden,
                              .d_hidden = s->d_hidden,
                              .partial = space->partial};
    bsm_kernel_tanh_backward(queue, &tanh);
    bsm_add_pieces add = {.batches = tanh.num_bands,
                          .pieces = bsm_pieces_of(tanh.rows),
                          .columns = tanh.width,
                          .ld = tanh.width,
                          .partial = space->partial,
                          .out = p->gradients + p->hidden_bias + m->stem * p->stem_hidden};
    bsm_kernel_add_pieces(queue, &add);
    for (size_t r = 0; r < space->num_runs; r++) {
        const bsm_band_run *run = &space->runs[r];
        const run_layer layer = hidden_layer(m, run);
        layer_backward(&layer, bsm_values_at(space, s->u, run_at(m, run, dim)),
                       bsm_values_at(space, s->d_hidden, run_at(m, run, m->hidden)),
                       s->d_u + run_at(m, run, dim));
    }
}

static void final_norm_backward(const mask_work *m)
{
    const bsm_cuda_training *space = m->space;
    const bsm_rows rows = rows_of(m);
    bsm_norm_backward norm = {.rows = rows,
                              .dim = (uint32_t)space->config.dim,
                              .l2 = true,
                              .x = bsm_features_at(space, 2 * space->config.depth),
                              .weight = space->vectors[BSM_PARAMETERS] + space->places.final_norm,
                              .d_u = space->scratch.d_u,
                              .d_x = space->d_x,
                              .scalars = space->scratch.scalars,
                              .partial = space->partial};
    bsm_kernel_norm_backward(bsm_gpu_queue(space->gpu), &norm);
    bsm_add_sums(space, bsm_pieces_of(rows.batches * rows.per), space->config.dim,
                 bsm_gradients_at(space, space->places.final_norm));
}

static void mask_frames_backward(const mask_work *m)
{
    estimate(m);
    values_backward(m);
    hidden_backward(m);
    final_norm_backward(m);
}

static bsm_status run_frames(const bsm_cuda_training *space, size_t stem,
                             void (*run)(const mask_work *), bsm_error *error)
{
    const bsm_config *config = &space->config;
    mask_work m = {.space = space,
                   .places = space->places.masks + stem * config->num_bands,
                   .stem = stem,
                   .hidden = config->mask_expansion * config->dim};
    bsm_gpu_use(space->gpu);
    for (; m.first < space->frames; m.first += m.count) {
        m.count = min(space->frames - m.first, space->scratch.frames);
        run(&m);
    }
    return bsm_gpu_status(space->gpu, error);
}

bsm_status bsm_cuda_training_mask(void *space, size_t stem, bsm_error *error)
{
    return run_frames(space, stem, mask_frames, error);
}

bsm_status bsm_cuda_training_mask_backward(void *space, size_t stem, bsm_error *error)
{
    return run_frames(space, stem, mask_frames_backward, error);
}
