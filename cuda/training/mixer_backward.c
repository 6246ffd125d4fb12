/* SPDX-License-Identifier: ISC */
/* The backward pass of a mixer over a slab. It computes again what the forward pass did not keep,
 * then everything in the reverse order. Gradients w.r.t. matrices are products over all rows of the
 * slab. */
#include "training/space.h"

/* The slab that is being processed. */
typedef struct work {
    const bsm_cuda_training *space;
    const bsm_cuda_space *net;
    const bsm_cuda_mixer *mixer;
    const bsm_mixer_places *places;
    const bsm_slab *slab;
    bsm_kernel_queue queue;
    const bsm_mixer_scratch *forward;
    const bsm_cuda_mixer_gradients *backward;
    size_t rows, chunks, dim, inner, projected, N, P, heads, chunk;
} work;

/* Add the gradient w.r.t. a matrix [out][in]: d_out^T in. */
static void add_outer(const work *w, size_t out, size_t in, const void *d_out, const void *x,
                      size_t place)
{
    bsm_gpu_multiply(w->space->gpu, (bsm_gpu_sizes){out, in, w->rows, 1},
                     bsm_gpu_transposed(d_out, out, 0), bsm_gpu_in(x, in, 0), 1,
                     bsm_gpu_out(bsm_gradients_at(w->space, place), in, 0));
}

/* Compute the gradient w.r.t. the input of a matrix [out][in]: d_out W, as values or as float32. */
static void through(const work *w, size_t out, size_t in, const void *d_out, size_t place,
                    void *d_in, bool values)
{
    bsm_gpu_multiply(w->space->gpu, (bsm_gpu_sizes){w->rows, in, out, 1}, bsm_gpu_in(d_out, out, 0),
                     bsm_gpu_in(bsm_weights_at(w->space, place), in, 0), 0,
                     (bsm_gpu_sums){d_in, in, 0, values});
}

/* ---- Output ---- */

static void output_backward(const work *w)
{
    const bsm_cuda_mixer_gradients *b = w->backward;
    through(w, w->dim, w->inner, b->d_mixed, w->places->out_proj, b->d_y, true);
}

static void gate_backward(const work *w)
{
    const bsm_cuda_mixer_gradients *b = w->backward;
    bsm_gate_backward gate = {.shape = w->net->shape,
                              .rows = (uint32_t)w->rows,
                              .y = w->forward->y,
                              .zxBC = w->forward->zxBC,
                              .weight = w->mixer->gate_norm,
                              .gradient = b->d_y,
                              .gated = w->forward->gated,
                              .d_zxbcdt = b->d_zxbcdt,
                              .scalars = b->scalars,
                              .partial = w->space->partial};
    bsm_kernel_gate_backward(w->queue, &gate);
    bsm_add_sums(w->space, bsm_pieces_of(gate.rows), w->inner,
                 bsm_gradients_at(w->space, w->places->gate_norm));
    add_outer(w, w->dim, w->inner, b->d_mixed, w->forward->gated, w->places->out_proj);
}

/* ---- Scan ---- */

/* Compute G and the states again, which the scan by products used. */
static void again(const work *w)
{
    bsm_cuda_mixer_correlate(w->net, w->slab);
    if (bsm_slab_has_states(w->slab)) {
        bsm_cuda_mixer_states(w->net, w->slab);
    }
}

static void lay_out(const work *w)
{
    bsm_lay_out lay_out = {.steps = w->slab->steps,
                           .shape = w->net->shape,
                           .d_y = w->backward->d_y,
                           .outside = bsm_slab_has_states(w->slab) ? w->forward->outside : NULL,
                           .in = w->forward->decays.in,
                           .d_inside = w->backward->d_inside,
                           .d_outside = w->backward->d_outside,
                           .d_cum = w->backward->decays.d_cum};
    bsm_kernel_lay_out(w->queue, &lay_out);
}

static void scores_backward(const work *w)
{
    const bsm_cuda_mixer_gradients *b = w->backward;
    const size_t square = w->chunk * w->chunk, rows = w->chunk * w->P;
    const size_t batches = w->chunks * w->heads;
    bsm_gpu_multiply(w->space->gpu, (bsm_gpu_sizes){w->chunk, w->chunk, w->P, batches},
                     bsm_gpu_in(b->d_inside, w->P, rows),
                     bsm_gpu_transposed(w->forward->x, w->P, rows), 0,
                     bsm_gpu_out(b->d_M, w->chunk, square));

    bsm_scores_backward scores = {.forward = {.chunks = (uint32_t)w->chunks,
                                              .chunk = (uint32_t)w->chunk,
                                              .heads = w->net->shape.heads,
                                              .G = w->forward->G,
                                              .D = w->mixer->D,
                                              .decays = w->forward->decays,
                                              .M = w->forward->M},
                                  .d_M = b->d_M,
                                  .d_G = b->d_G,
                                  .gradients = b->decays};
    bsm_kernel_scores_backward(w->queue, &scores);

    bsm_gpu_multiply(w->space->gpu, (bsm_gpu_sizes){w->chunk, w->P, w->chunk, batches},
                     bsm_gpu_transposed(w->forward->M, w->chunk, square),
                     bsm_gpu_in(b->d_inside, w->P, rows), 0, bsm_gpu_out(b->d_x, w->P, rows));
}

/* B or C of all chunks, as values; below, the gradient w.r.t. it. */
static const void *part_of_BC(const work *w, bool C)
{
    return bsm_values_at(w->space, w->forward->BC, C ? w->N : 0);
}

static float *d_part_of_BC(const work *w, bool C)
{
    return w->backward->d_BC + (C ? w->N : 0);
}

/* d_C = d_G B, d_B = d_G^T C */
static void correlation_backward(const work *w, bool C)
{
    bsm_gpu_multiply(w->space->gpu, (bsm_gpu_sizes){w->chunk, w->N, w->chunk, w->chunks},
                     (bsm_gpu_matrix){w->backward->d_G, w->chunk, w->chunk * w->chunk, !C},
                     bsm_gpu_in(part_of_BC(w, !C), 2 * w->N, w->chunk * 2 * w->N), 0,
                     bsm_gpu_out(d_part_of_BC(w, C), 2 * w->N, w->chunk * 2 * w->N));
}

/* ---- States ---- */

/* The gradient w.r.t. the state before each chunk: C^T (in d_y), and then the part that passes
 * through later chunks. */
static void states_backward(const work *w)
{
    const bsm_cuda_mixer_gradients *b = w->backward;
    const size_t state = w->N * w->inner;
    bsm_gpu_multiply(w->space->gpu, (bsm_gpu_sizes){w->N, w->inner, w->chunk, w->chunks},
                     bsm_gpu_transposed(part_of_BC(w, true), 2 * w->N, w->chunk * 2 * w->N),
                     bsm_gpu_in(b->d_outside, w->inner, w->chunk * w->inner), 0,
                     bsm_gpu_out(b->d_before, w->inner, state));
    bsm_pass_states_backward pass = {.steps = w->slab->steps,
                                     .shape = w->net->shape,
                                     .d_before = b->d_before,
                                     .before = w->forward->before,
                                     .all = w->forward->decays.all,
                                     .d_behind = b->d_behind,
                                     .d_all = b->decays.d_all};
    bsm_kernel_pass_states_backward(w->queue, &pass);
}

/* V = B d_behind. It is written to the memory of `inside`, which is no longer needed. */
static void leave_backward(const work *w)
{
    const bsm_cuda_mixer_gradients *b = w->backward;
    bsm_gpu_multiply(w->space->gpu, (bsm_gpu_sizes){w->chunk, w->inner, w->N, w->chunks},
                     bsm_gpu_in(part_of_BC(w, false), 2 * w->N, w->chunk * 2 * w->N),
                     bsm_gpu_in(b->d_behind, w->inner, w->N * w->inner), 0,
                     bsm_gpu_out(w->forward->inside, w->inner, w->chunk * w->inner));
    bsm_leave_backward leave = {.steps = w->slab->steps,
                                .shape = w->net->shape,
                                .x = w->forward->x,
                                .V = w->forward->inside,
                                .decays = w->forward->decays,
                                .d_x = b->d_x,
                                .gradients = b->decays,
                                .left = b->left};
    bsm_kernel_leave_backward(w->queue, &leave);
}

/* d_B += (out x) d_behind^T, d_C += (in d_y) before^T */
static void add_by_states(const work *w, bool C)
{
    const bsm_cuda_mixer_gradients *b = w->backward;
    bsm_gpu_multiply(
        w->space->gpu, (bsm_gpu_sizes){w->chunk, w->N, w->inner, w->chunks},
        bsm_gpu_in(C ? b->d_outside : w->forward->scaled, w->inner, w->chunk * w->inner),
        bsm_gpu_transposed(C ? w->forward->before : b->d_behind, w->inner, w->N * w->inner), 1,
        bsm_gpu_out(d_part_of_BC(w, C), 2 * w->N, w->chunk * 2 * w->N));
}

static void scan_backward_by_products(const work *w)
{
    again(w);
    lay_out(w);
    scores_backward(w);
    correlation_backward(w, false);
    correlation_backward(w, true);
    if (bsm_slab_has_states(w->slab)) {
        states_backward(w);
        leave_backward(w);
        add_by_states(w, false);
        add_by_states(w, true);
    }
}

static void scan_backward_fused(const work *w)
{
    const bsm_cuda_mixer_gradients *b = w->backward;
    const bool states = bsm_slab_has_states(w->slab);
    if (states) {
        bsm_cuda_mixer_states_fused(w->net, w->mixer, w->slab);
    }
    bsm_fused_scan_backward scan = {.steps = w->slab->steps,
                                    .shape = w->net->shape,
                                    .d_y = b->d_y,
                                    .x = w->forward->x,
                                    .BC = w->forward->BC,
                                    .D = w->mixer->D,
                                    .decays = w->forward->decays,
                                    .before = states ? w->forward->before : NULL,
                                    .d_behind = b->d_behind,
                                    .d_x = b->d_x,
                                    .d_BC = b->d_BC,
                                    .gradients = b->decays};
    bsm_kernel_fused_scan_backward(w->queue, &scan);
}

static void scan_backward(const work *w)
{
    bsm_cuda_mixer_normalise(w->net, w->mixer, w->slab);
    bsm_cuda_mixer_prepare(w->net, w->mixer, w->slab);
    if (bsm_cuda_is_fused(w->net)) {
        scan_backward_fused(w);
    } else {
        scan_backward_by_products(w);
    }
}

/* ---- Input ---- */

/* Add up `columns` of the `all` columns of the chunks' sums, from column `first` on. */
static void add_columns(const work *w, size_t first, size_t columns, size_t all, size_t place)
{
    bsm_add_pieces add = {.batches = 1,
                          .pieces = (uint32_t)w->chunks,
                          .columns = (uint32_t)columns,
                          .ld = (uint32_t)all,
                          .partial = w->space->partial + first,
                          .out = bsm_gradients_at(w->space, place)};
    bsm_kernel_add_pieces(w->queue, &add);
}

static void decays_backward(const work *w)
{
    bsm_decays_backward decays = {.steps = w->slab->steps,
                                  .shape = w->net->shape,
                                  .raw_dt = w->forward->raw_dt,
                                  .dt_bias = w->mixer->dt_bias,
                                  .A = w->mixer->A,
                                  .decays = w->forward->decays,
                                  .gradients = w->backward->decays,
                                  .with_states = bsm_slab_has_states(w->slab),
                                  .d_zxbcdt = w->backward->d_zxbcdt,
                                  .partial = w->space->partial};
    bsm_kernel_decays_backward(w->queue, &decays);
    add_columns(w, 0, w->heads, 3 * w->heads, w->places->dt_bias);
    add_columns(w, w->heads, w->heads, 3 * w->heads, w->places->A_log);
    add_columns(w, 2 * w->heads, w->heads, 3 * w->heads, w->places->D);
}

static void convolution_backward(const work *w)
{
    const size_t conv = bsm_shape_conv(w->net->shape), taps = w->net->shape.taps;
    bsm_convolution_backward convolution = {.steps = w->slab->steps,
                                            .shape = w->net->shape,
                                            .zxBC = w->forward->zxBC,
                                            .weight = w->mixer->conv_weight,
                                            .bias = w->mixer->conv_bias,
                                            .d_x = w->backward->d_x,
                                            .d_x_is_values = bsm_cuda_is_fused(w->net),
                                            .d_BC = w->backward->d_BC,
                                            .d_zxbcdt = w->backward->d_zxbcdt,
                                            .partial = w->space->partial};
    bsm_kernel_convolution_backward(w->queue, &convolution);
    add_columns(w, 0, conv * taps, conv * (taps + 1), w->places->conv_weight);
    add_columns(w, conv * taps, conv, conv * (taps + 1), w->places->conv_bias);
}

static void input_backward(const work *w)
{
    const bsm_cuda_mixer_gradients *b = w->backward;
    add_outer(w, w->projected, w->dim, b->d_zxbcdt, w->forward->u, w->places->in_proj);
    through(w, w->projected, w->dim, b->d_zxbcdt, w->places->in_proj, b->d_u, false);
    bsm_norm_backward norm = {.rows = w->slab->rows,
                              .dim = (uint32_t)w->dim,
                              .x = w->net->x,
                              .weight = w->mixer->norm,
                              .d_u = b->d_u,
                              .d_x = w->space->d_x,
                              .scalars = b->scalars,
                              .partial = w->space->partial};
    bsm_kernel_norm_backward(w->queue, &norm);
    bsm_add_sums(w->space, bsm_pieces_of((uint32_t)w->rows), w->dim,
                 bsm_gradients_at(w->space, w->places->norm));
}

void bsm_cuda_mixer_backward(const bsm_cuda_training *space, const bsm_cuda_space *net,
                             const bsm_cuda_mixer *mixer, const bsm_mixer_places *places,
                             const bsm_slab *slab, const bsm_gpu_dropout *dropout, size_t direction)
{
    const work w = {.space = space,
                    .net = net,
                    .mixer = mixer,
                    .places = places,
                    .slab = slab,
                    .queue = bsm_gpu_queue(space->gpu),
                    .forward = &net->mixer,
                    .backward = &space->gradients,
                    .rows = bsm_slab_rows(slab),
                    .chunks = bsm_slab_chunks(slab),
                    .dim = space->config.dim,
                    .inner = bsm_shape_inner(net->shape),
                    .projected = bsm_shape_projected(net->shape),
                    .N = net->shape.d_state,
                    .P = net->shape.headdim,
                    .heads = net->shape.heads,
                    .chunk = slab->steps.chunk};
    bsm_residual_backward residual = {.rows = slab->rows,
                                      .dropout = *dropout,
                                      .dim = (uint32_t)w.dim,
                                      .direction = (uint32_t)direction,
                                      .d_pair = space->d_pair,
                                      .d_x = space->d_x,
                                      .d_mixed = space->gradients.d_mixed};
    bsm_kernel_residual_backward(w.queue, &residual);
    output_backward(&w);
    gate_backward(&w);
    scan_backward(&w);
    decays_backward(&w);
    convolution_backward(&w);
    input_backward(&w);
}
