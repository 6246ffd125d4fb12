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

/* The product of u and `rows` rows of W_in from row `first` on. */
static bsm_gpu_product projection(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                  const bsm_slab *slab, size_t first, size_t rows)
{
    size_t dim = space->weights->config.dim;
    return (bsm_gpu_product){
        .m = bsm_slab_rows(slab),
        .n = rows,
        .k = dim,
        .batches = 1,
        .a = space->mixer.u,
        .lda = dim,
        .b = bsm_cuda_matrix(space->weights, space->gpu, mixer->in_proj + first * dim),
        .ldb = dim,
        .transpose_b = true,
        .ldc = rows,
    };
}

void bsm_cuda_mixer_project(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                            const bsm_slab *slab)
{
    bsm_gpu_product product = projection(space, mixer, slab, 0, bsm_shape_zxBC(space->shape));
    product.c = space->mixer.zxBC;
    product.c_is_values = true;
    bsm_gpu_multiply(space->gpu, &product);
}

void bsm_cuda_mixer_project_floats(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                   const bsm_slab *slab, float *zxBC)
{
    bsm_gpu_product product = projection(space, mixer, slab, 0, bsm_shape_zxBC(space->shape));
    product.c = zxBC;
    bsm_gpu_multiply(space->gpu, &product);
}

/* dt stays in float32, because small differences in it decide how long the state remembers. */
void bsm_cuda_mixer_project_dt(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                               const bsm_cuda_mixer *other, const bsm_slab *slab)
{
    size_t heads = space->shape.heads;
    bsm_gpu_product product = projection(space, mixer, slab, bsm_shape_zxBC(space->shape), heads);
    product.c = space->mixer.raw_dt;
    if (other) {
        product.batches = 2;
        product.stride_b = other->in_proj - mixer->in_proj;
        product.stride_c = bsm_slab_rows(slab) * heads;
    }
    bsm_gpu_multiply(space->gpu, &product);
}

/* mixed = gated W_out */
static void project_out(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                        const bsm_slab *slab, const void *gated)
{
    size_t dim = space->weights->config.dim, inner = bsm_shape_inner(space->shape);
    bsm_gpu_multiply(space->gpu,
                     &(bsm_gpu_product){
                         .m = bsm_slab_rows(slab),
                         .n = dim,
                         .k = inner,
                         .batches = 1,
                         .a = gated,
                         .lda = inner,
                         .b = bsm_cuda_matrix(space->weights, space->gpu, mixer->out_proj),
                         .ldb = inner,
                         .transpose_b = true,
                         .c = space->mixer.mixed,
                         .ldc = dim,
                         .c_is_values = true,
                     });
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
    bsm_gpu_multiply(space->gpu, &(bsm_gpu_product){.m = chunk,
                                                    .n = chunk,
                                                    .k = N,
                                                    .batches = bsm_slab_chunks(slab),
                                                    .a = values_at(space, s->BC, N),
                                                    .lda = 2 * N,
                                                    .stride_a = chunk * 2 * N,
                                                    .b = s->BC,
                                                    .ldb = 2 * N,
                                                    .stride_b = chunk * 2 * N,
                                                    .transpose_b = true,
                                                    .c = s->G,
                                                    .ldc = chunk,
                                                    .stride_c = chunk * chunk});
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
                     &(bsm_gpu_product){.m = chunk,
                                        .n = P,
                                        .k = chunk,
                                        .batches = bsm_slab_chunks(slab) * space->shape.heads,
                                        .a = s->M,
                                        .lda = chunk,
                                        .stride_a = chunk * chunk,
                                        .b = s->x,
                                        .ldb = P,
                                        .stride_b = chunk * P,
                                        .c = s->inside,
                                        .ldc = P,
                                        .stride_c = chunk * P});
}

static void states_before(const bsm_cuda_space *space, const bsm_slab *slab)
{
    const bsm_mixer_scratch *s = &space->mixer;
    size_t N = space->shape.d_state, inner = bsm_shape_inner(space->shape);
    size_t chunk = slab->steps.chunk;
    bsm_gpu_multiply(space->gpu, &(bsm_gpu_product){.m = N,
                                                    .n = inner,
                                                    .k = chunk,
                                                    .batches = bsm_slab_chunks(slab),
                                                    .a = s->BC,
                                                    .lda = 2 * N,
                                                    .stride_a = chunk * 2 * N,
                                                    .transpose_a = true,
                                                    .b = s->scaled,
                                                    .ldb = inner,
                                                    .stride_b = chunk * inner,
                                                    .c = s->added,
                                                    .ldc = inner,
                                                    .stride_c = N * inner});
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
    bsm_gpu_multiply(space->gpu, &(bsm_gpu_product){.m = chunk,
                                                    .n = inner,
                                                    .k = N,
                                                    .batches = bsm_slab_chunks(slab),
                                                    .a = values_at(space, s->BC, N),
                                                    .lda = 2 * N,
                                                    .stride_a = chunk * 2 * N,
                                                    .b = s->before,
                                                    .ldb = inner,
                                                    .stride_b = N * inner,
                                                    .c = s->outside,
                                                    .ldc = inner,
                                                    .stride_c = chunk * inner});
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
