/* SPDX-License-Identifier: ISC */
/* One chunk of the scan backward:
 *
 *     inside     dM_ij = dy_i . x_j per head, through the decays to dG = d(C B^T)
 *     state      V = B dS' is the gradient of what each step adds to the state after the chunk,
 *                (in dy) S^T the gradient of C from the state before the chunk
 *     before     dS = exp(cum_last) dS' + C^T (in dy)
 *
 * where dS' is the gradient w.r.t. the state after the chunk, and in and out are as in
 * bsm_decay. */
#include "device/cpu/training/space.h"

#include <string.h>

#include "device/cpu/kernels.h"
#include "device/cpu/training/products.h"

bsm_scan_scratch bsm_scan_scratch_carve(bsm_carver *carver, const bsm_config *config,
                                        const bsm_kernels *kernels)
{
    size_t heads = bsm_config_heads(config);
    bsm_scan_scratch s = {.config = config, .kernels = kernels, .products = {.kernels = kernels}};
    s.G = bsm_carve_floats(carver, BSM_CHUNK * BSM_CHUNK);
    s.dG = bsm_carve_floats(carver, BSM_CHUNK * BSM_CHUNK);
    s.M = bsm_carve_floats(carver, BSM_CHUNK * BSM_CHUNK);
    s.rows = bsm_carve_floats(carver, BSM_CHUNK * bsm_cpu_ld(bsm_config_d_inner(config)));
    s.share = bsm_carve_floats(carver, BSM_CHUNK * bsm_cpu_ld(bsm_config_d_inner(config)));
    s.decay.d_dt = bsm_carve_floats(carver, heads * BSM_CHUNK);
    s.decay.d_cum = bsm_carve_floats(carver, heads * BSM_CHUNK);
    s.decay.d_all = bsm_carve_floats(carver, heads);
    return s;
}

/* A chunk's matrices and their sizes. */
typedef struct view {
    const bsm_kernels *kernels;
    const bsm_backward_kernels *backward;
    const bsm_products *products;
    size_t rows, heads, headdim, d_state, d_inner;
    size_t ld, ld_xbc; /* distances of rows of d_inner and of conv_dim */
    bsm_const_matrix B, C;
    bsm_matrix d_B, d_C;
} view;

static view view_of(const bsm_scan_scratch *scratch, const bsm_scan_chunk *chunk)
{
    const bsm_config *config = scratch->config;
    view v = {.kernels = scratch->kernels,
              .backward = scratch->kernels->backward,
              .products = &scratch->products,
              .rows = chunk->rows,
              .heads = bsm_config_heads(config),
              .headdim = config->headdim,
              .d_state = config->d_state,
              .d_inner = bsm_config_d_inner(config),
              .ld = bsm_cpu_ld(bsm_config_d_inner(config)),
              .ld_xbc = bsm_cpu_ld(bsm_config_conv_dim(config))};
    v.B = bsm_in(chunk->xbc + v.d_inner, v.ld_xbc);
    v.C = bsm_in(v.B.at + v.d_state, v.ld_xbc);
    v.d_B = bsm_out(chunk->d_xbc + v.d_inner, v.ld_xbc);
    v.d_C = bsm_out(v.d_B.at + v.d_state, v.ld_xbc);
    return v;
}

static void clear(const bsm_scan_scratch *s, const view *v)
{
    memset(s->dG, 0, BSM_CHUNK * BSM_CHUNK * sizeof *s->dG);
    memset(s->decay.d_dt, 0, v->heads * BSM_CHUNK * sizeof *s->decay.d_dt);
    memset(s->decay.d_cum, 0, v->heads * BSM_CHUNK * sizeof *s->decay.d_cum);
    memset(s->decay.d_all, 0, v->heads * sizeof *s->decay.d_all);
}

/* d_x = M^T d_y, with M and its gradient from one head's decays. */
static void inside_head(const bsm_scan_scratch *s, const bsm_scan_chunk *chunk, const view *v,
                        size_t head)
{
    size_t column = head * v->headdim, row = head * BSM_CHUNK;
    bsm_const_matrix x = bsm_in(chunk->xbc + column, v->ld_xbc);
    bsm_const_matrix d_y = bsm_in(chunk->d_y + column, v->ld);
    v->kernels->triangle->of_products(v->rows, v->headdim, d_y.at, d_y.ld, x.at, x.ld, s->M);
    v->backward->masked_scores(
        v->rows, s->G, chunk->decay.dt + row, chunk->decay.cum + row, chunk->D[head],
        &(bsm_scores_gradient){
            .M = s->M, .dG = s->dG, .d_dt = s->decay.d_dt + row, .d_cum = s->decay.d_cum + row});
    v->kernels->triangle->transposed_times(v->rows, v->headdim, s->M, d_y.at, d_y.ld,
                                           chunk->d_xbc + column, v->ld_xbc);
}

static void inside(const bsm_scan_scratch *s, const bsm_scan_chunk *chunk, const view *v)
{
    const bsm_triangle_kernels *triangle = v->kernels->triangle;
    triangle->of_products(v->rows, v->d_state, v->C.at, v->C.ld, v->B.at, v->B.ld, s->G);
    for (size_t h = 0; h < v->heads; h++) {
        inside_head(s, chunk, v, h);
    }
    triangle->times(v->rows, v->d_state, s->dG, v->B.at, v->B.ld, 0, v->d_C.at, v->d_C.ld);
    triangle->transposed_times(v->rows, v->d_state, s->dG, v->C.at, v->C.ld, v->d_B.at, v->d_B.ld);
    v->backward->skip(v->rows, v->heads, v->headdim, chunk->xbc, v->ld_xbc, chunk->d_y, v->ld,
                      chunk->d_D);
}

/* The backward pass of what the steps add to the state after the chunk. */
static void left_behind(const bsm_scan_scratch *s, const bsm_scan_chunk *chunk, const view *v,
                        const float *d_S)
{
    bsm_const_matrix by_state = bsm_in(d_S, v->ld);
    bsm_multiply(v->products, v->rows, v->d_inner, v->d_state, v->B, by_state, 0,
                 bsm_out(s->rows, v->ld));
    v->backward->leave_state(v->rows, v->heads, v->headdim, &chunk->decay, chunk->xbc, v->ld_xbc,
                             s->rows, v->ld, chunk->d_xbc, &s->decay);
    v->backward->scaled_heads(v->rows, v->heads, v->headdim, chunk->decay.out, chunk->xbc,
                              v->ld_xbc, s->rows, v->ld);
    bsm_multiply_by_rows(v->products, v->rows, v->d_state, v->d_inner, bsm_in(s->rows, v->ld),
                         by_state, 1, v->d_B);
    if (chunk->S) {
        v->backward->dot_states(v->d_state, v->heads, v->headdim, chunk->decay.all, chunk->S, d_S,
                                v->ld, s->decay.d_all);
    }
}

/* The backward pass of what the state before the chunk adds to the steps; s->rows holds in d_y. A
 * step's share is proportional to exp(cum), so the gradient w.r.t. cum is the share times its
 * gradient; the share is computed again. */
static void from_before(const bsm_scan_scratch *s, const bsm_scan_chunk *chunk, const view *v)
{
    bsm_const_matrix state = bsm_in(chunk->S, v->ld);
    bsm_multiply(v->products, v->rows, v->d_inner, v->d_state, v->C, state, 0,
                 bsm_out(s->share, v->ld));
    v->backward->dot_heads(v->rows, v->heads, v->headdim, s->rows, s->share, v->ld, s->decay.d_cum);
    bsm_multiply_by_rows(v->products, v->rows, v->d_state, v->d_inner, bsm_in(s->rows, v->ld),
                         state, 1, v->d_C);
}

static void state_before(const bsm_scan_scratch *s, const bsm_scan_chunk *chunk, const view *v,
                         float *d_S, bool zero)
{
    if (!zero) {
        v->kernels->scale_state(v->d_state, v->heads, v->headdim, chunk->decay.all, d_S, v->ld);
    }
    bsm_multiply_columns(v->products, v->d_state, v->d_inner, v->rows, v->C, bsm_in(s->rows, v->ld),
                         zero ? 0 : 1, bsm_out(d_S, v->ld));
}

void bsm_scan_chunk_backward(const bsm_scan_scratch *scratch, const bsm_scan_chunk *chunk,
                             float *d_S, bool *zero, bool first)
{
    view v = view_of(scratch, chunk);
    clear(scratch, &v);
    inside(scratch, chunk, &v);
    if (!*zero) {
        left_behind(scratch, chunk, &v, d_S);
    }
    if (chunk->S || !first) {
        v.backward->scaled_heads(v.rows, v.heads, v.headdim, chunk->decay.in, chunk->d_y, v.ld,
                                 scratch->rows, v.ld);
    }
    if (chunk->S) {
        from_before(scratch, chunk, &v);
    }
    if (!first) {
        state_before(scratch, chunk, &v, d_S, *zero);
        *zero = false;
    }
}
