/* SPDX-License-Identifier: ISC */
/* Queues the kernels and the matrix products of the Mamba2 mixer over a slab of sequences. */
#include "mixer.h"

static const void *values_at(const bsm_cuda_space *space, const void *values, size_t index)
{
    return bsm_gpu_queue(space->gpu).bf16 ? (const void *)((const uint16_t *)values + index)
                                          : (const void *)((const float *)values + index);
}

void bsm_cuda_mixer_normalise(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                              const bsm_slab *slab)
{
    bsm_rms_norm norm = {.rows = slab->rows,
                         .dim = (uint32_t)space->weights->config.dim,
                         .x = space->x,
                         .weight = mixer->norm,
                         .u = space->mixer.u};
    bsm_kernel_rms_norm(bsm_gpu_queue(space->gpu), &norm);
}

/* c = u times `rows` rows of W_in from row `first` on, for one or more directions, whose weights
 * are `stride` numbers apart. */
static void project(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer, const bsm_slab *slab,
                    size_t first, size_t directions, size_t stride, bsm_gpu_sums c)
{
    size_t dim = space->weights->config.dim;
    bsm_gpu_multiply(
        space->gpu, (bsm_gpu_sizes){bsm_slab_rows(slab), c.ld, dim, directions},
        bsm_gpu_in(space->mixer.u, dim, 0),
        bsm_gpu_transposed(
            bsm_cuda_matrix(space->weights, space->gpu, mixer->in_proj + first * dim), dim, stride),
        0, c);
}

void bsm_cuda_mixer_project(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                            const bsm_slab *slab)
{
    size_t rows = bsm_shape_zxBC(space->shape);
    project(space, mixer, slab, 0, 1, 0, bsm_gpu_out_values(space->mixer.zxBC, rows, 0));
}

void bsm_cuda_mixer_project_floats(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                   const bsm_slab *slab, float *zxBC)
{
    project(space, mixer, slab, 0, 1, 0, bsm_gpu_out(zxBC, bsm_shape_zxBC(space->shape), 0));
}

/* dt stays in float32, because small differences in it decide how long the state remembers. */
void bsm_cuda_mixer_project_dt(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                               const bsm_cuda_mixer *other, const bsm_slab *slab)
{
    size_t heads = space->shape.heads;
    project(space, mixer, slab, bsm_shape_zxBC(space->shape), other ? 2 : 1,
            other ? other->in_proj - mixer->in_proj : 0,
            bsm_gpu_out(space->mixer.raw_dt, heads, bsm_slab_rows(slab) * heads));
}

/* mixed = gated W_out */
static void project_out(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                        const bsm_slab *slab, const void *gated)
{
    size_t dim = space->weights->config.dim, inner = bsm_shape_inner(space->shape);
    bsm_gpu_multiply(
        space->gpu, (bsm_gpu_sizes){bsm_slab_rows(slab), dim, inner, 1},
        bsm_gpu_in(gated, inner, 0),
        bsm_gpu_transposed(bsm_cuda_matrix(space->weights, space->gpu, mixer->out_proj), inner, 0),
        0, bsm_gpu_out_values(space->mixer.mixed, dim, 0));
}

/* joined[direction] = x + mixed. If there are `squares`, mixed is first normalised with them. */
static void join(const bsm_cuda_space *space, const bsm_slab *slab, size_t direction,
                 const float *squares, const float *bias)
{
    size_t dim = space->weights->config.dim;
    bsm_join join = {.rows = slab->rows,
                     .dim = (uint32_t)dim,
                     .joined_stride = (uint32_t)(2 * dim),
                     .heads = space->shape.heads,
                     .inner = bsm_shape_inner(space->shape),
                     .squares = squares,
                     .mixed = space->mixer.mixed,
                     .x = space->x,
                     .bias = bias,
                     .joined = (void *)(uintptr_t)values_at(space, space->joined, direction * dim)};
    bsm_kernel_join(bsm_gpu_queue(space->gpu), &join);
}

/* ---- The scan ---- */

bsm_prepare bsm_cuda_mixer_preparation(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                       const bsm_slab *slab)
{
    return (bsm_prepare){
        .steps = slab->steps,
        .shape = space->shape,
        .zxBC = space->mixer.zxBC,
        .raw_dt = space->mixer.raw_dt,
        .dt_bias = mixer->dt_bias,
        .A = mixer->A,
        .weight = mixer->conv_weight,
        .bias = mixer->conv_bias,
        .tail = slab->tails,
        .decays = space->mixer.decays,
        .x = space->mixer.x,
        .BC = space->mixer.BC,
        .scaled = bsm_slab_has_states(slab) ? space->mixer.scaled : NULL,
    };
}

void bsm_cuda_mixer_prepare(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                            const bsm_slab *slab)
{
    bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    bsm_prepare p = bsm_cuda_mixer_preparation(space, mixer, slab);
    bsm_kernel_decays(queue, &p);
    bsm_kernel_convolution(queue, &p);
    if (slab->keep) {
        bsm_kernel_save_tail(queue, &p, slab->tails);
    }
}

void bsm_cuda_mixer_correlate(const bsm_cuda_space *space, const bsm_slab *slab)
{
    const bsm_mixer_scratch *s = &space->mixer;
    size_t N = space->shape.d_state, chunk = slab->steps.chunk;
    bsm_gpu_multiply(space->gpu, (bsm_gpu_sizes){chunk, chunk, N, bsm_slab_chunks(slab)},
                     bsm_gpu_in(values_at(space, s->BC, N), 2 * N, chunk * 2 * N),
                     bsm_gpu_transposed(s->BC, 2 * N, chunk * 2 * N), 0,
                     bsm_gpu_out(s->G, chunk, chunk * chunk));
}

/* inside = (C B^T, decayed and masked, + D) x: the outputs without the state before the chunk */
static void inside_chunks(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                          const bsm_slab *slab)
{
    const bsm_mixer_scratch *s = &space->mixer;
    size_t P = space->shape.headdim, chunk = slab->steps.chunk;
    bsm_cuda_mixer_correlate(space, slab);
    bsm_scores scores = {.chunks = (uint32_t)bsm_slab_chunks(slab),
                         .chunk = (uint32_t)chunk,
                         .heads = space->shape.heads,
                         .G = s->G,
                         .D = mixer->D,
                         .decays = s->decays,
                         .M = s->M};
    bsm_kernel_scores(bsm_gpu_queue(space->gpu), &scores);
    bsm_gpu_multiply(space->gpu,
                     (bsm_gpu_sizes){chunk, P, chunk, bsm_slab_chunks(slab) * space->shape.heads},
                     bsm_gpu_in(s->M, chunk, chunk * chunk), bsm_gpu_in(s->x, P, chunk * P), 0,
                     bsm_gpu_out(s->inside, P, chunk * P));
}

static void states_before(const bsm_cuda_space *space, const bsm_slab *slab)
{
    const bsm_mixer_scratch *s = &space->mixer;
    size_t N = space->shape.d_state, inner = bsm_shape_inner(space->shape);
    size_t chunk = slab->steps.chunk;
    bsm_gpu_multiply(space->gpu, (bsm_gpu_sizes){N, inner, chunk, bsm_slab_chunks(slab)},
                     bsm_gpu_transposed(s->BC, 2 * N, chunk * 2 * N),
                     bsm_gpu_in(s->scaled, inner, chunk * inner), 0,
                     bsm_gpu_out(s->added, inner, N * inner));
    bsm_pass_states pass = {.steps = slab->steps,
                            .shape = space->shape,
                            .added = s->added,
                            .all = s->decays.all,
                            .first = slab->states,
                            .kept = slab->keep ? slab->states : NULL,
                            .before = s->before};
    bsm_kernel_pass_states(bsm_gpu_queue(space->gpu), &pass);
}

static void outside_chunks(const bsm_cuda_space *space, const bsm_slab *slab)
{
    const bsm_mixer_scratch *s = &space->mixer;
    size_t N = space->shape.d_state, inner = bsm_shape_inner(space->shape);
    size_t chunk = slab->steps.chunk;
    bsm_gpu_multiply(space->gpu, (bsm_gpu_sizes){chunk, inner, N, bsm_slab_chunks(slab)},
                     bsm_gpu_in(values_at(space, s->BC, N), 2 * N, chunk * 2 * N),
                     bsm_gpu_in(s->before, inner, N * inner), 0,
                     bsm_gpu_out(s->outside, inner, chunk * inner));
}

void bsm_cuda_mixer_states(const bsm_cuda_space *space, const bsm_slab *slab)
{
    states_before(space, slab);
    outside_chunks(space, slab);
}

/* Compute y by matrix products. */
static void scan_by_products(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                             const bsm_slab *slab)
{
    const bsm_mixer_scratch *s = &space->mixer;
    bsm_cuda_mixer_prepare(space, mixer, slab);
    inside_chunks(space, mixer, slab);
    if (bsm_slab_has_states(slab)) {
        bsm_cuda_mixer_states(space, slab);
    }
    bsm_collect collect = {
        .steps = slab->steps,
        .shape = space->shape,
        .inside = s->inside,
        .outside = bsm_slab_has_states(slab) ? s->outside : NULL,
        .in = s->decays.in,
        .y = s->y,
    };
    bsm_kernel_collect(bsm_gpu_queue(space->gpu), &collect);
}

static bsm_fused_scan fused_scan(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                 const bsm_slab *slab)
{
    const bsm_mixer_scratch *s = &space->mixer;
    return (bsm_fused_scan){
        .steps = slab->steps,
        .shape = space->shape,
        .zxBC = s->zxBC,
        .raw_dt = s->raw_dt,
        .dt_bias = mixer->dt_bias,
        .A = mixer->A,
        .D = mixer->D,
        .weight = mixer->conv_weight,
        .bias = mixer->conv_bias,
        .tail = slab->tails,
        .BC = s->BC,
        .first = slab->states,
    };
}

/* Compute y in one kernel, after the convolution of B and C. If there are `squares`, y is gated,
 * but not normalised yet. */
static void scan_fused(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                       const bsm_slab *slab, float *squares)
{
    bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    bsm_prepare p = bsm_cuda_mixer_preparation(space, mixer, slab);
    p.only_BC = true;
    bsm_kernel_convolution(queue, &p);
    bsm_fused_scan scan = fused_scan(space, mixer, slab);
    scan.kept = slab->keep ? slab->states : NULL;
    scan.y = space->mixer.y;
    scan.squares = squares;
    bsm_kernel_fused_scan(queue, &scan);
    if (slab->keep) {
        bsm_kernel_save_tail(queue, &p, slab->tails);
    }
}

void bsm_cuda_mixer_states_fused(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                 const bsm_slab *slab)
{
    bsm_fused_scan scan = fused_scan(space, mixer, slab);
    scan.before = space->mixer.before;
    bsm_kernel_fused_scan(bsm_gpu_queue(space->gpu), &scan);
}

void bsm_cuda_mixer_scan(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                         const bsm_slab *slab)
{
    if (bsm_cuda_is_fused(space)) {
        scan_fused(space, mixer, slab, NULL);
    } else {
        scan_by_products(space, mixer, slab);
    }
}

void bsm_cuda_mixer_gated(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                          const bsm_slab *slab)
{
    const bsm_mixer_scratch *s = &space->mixer;
    bsm_cuda_mixer_project(space, mixer, slab);
    bsm_cuda_mixer_scan(space, mixer, slab);
    bsm_gate gate = {
        .shape = space->shape,
        .rows = (uint32_t)bsm_slab_rows(slab),
        .y = s->y,
        .zxBC = s->zxBC,
        .weight = mixer->gate_norm,
        .out = s->gated,
    };
    bsm_kernel_gate(bsm_gpu_queue(space->gpu), &gate);
}

/* The norm after the gate multiplies a whole row by one factor, which can be applied after the
 * output projection just as well. The fused scan uses that: `join` applies the factor. */
void bsm_cuda_mixer_slab(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                         const bsm_slab *slab, size_t direction, const float *bias)
{
    const bsm_mixer_scratch *s = &space->mixer;
    if (bsm_cuda_is_fused(space)) {
        bsm_cuda_mixer_project(space, mixer, slab);
        scan_fused(space, mixer, slab, s->squares);
        project_out(space, mixer, slab, s->y);
        join(space, slab, direction, s->squares, bias);
    } else {
        bsm_cuda_mixer_gated(space, mixer, slab);
        project_out(space, mixer, slab, s->gated);
        join(space, slab, direction, NULL, bias);
    }
}
