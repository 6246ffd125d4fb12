/* SPDX-License-Identifier: ISC */
/* The Mamba2 mixer, chunk by chunk. */
#include "device/cpu/mixer.h"

#include <string.h>

#include "device/carve.h"
#include "device/cpu/kernels.h"
#include "device/cpu/matrix.h"

size_t bsm_cpu_state_size(const bsm_config *config)
{
    return config->d_state * bsm_cpu_ld(bsm_config_d_inner(config)) +
           (config->d_conv - 1) * bsm_config_conv_dim(config);
}

bsm_cpu_state bsm_cpu_state_at(const bsm_config *config, float *memory)
{
    return (bsm_cpu_state){
        .S = memory, .tail = memory + config->d_state * bsm_cpu_ld(bsm_config_d_inner(config))};
}

static size_t raw_width(const bsm_config *config)
{
    return bsm_config_conv_dim(config) + bsm_config_heads(config);
}

static size_t divide_tile(const bsm_config *config, void *memory, bsm_cpu_tile *tile)
{
    bsm_carver carver = {.block = memory};
    size_t row = BSM_CHUNK * sizeof(float), heads = bsm_config_heads(config);
    size_t d_inner = bsm_config_d_inner(config);
    size_t raw = (config->d_conv - 1 + BSM_CHUNK) * raw_width(config) * sizeof(float);
    tile->u = bsm_carve(&carver, row * config->dim);
    tile->raw = bsm_carve(&carver, raw);
    tile->xbc = bsm_carve(&carver, row * bsm_cpu_ld(bsm_config_conv_dim(config)));
    tile->y = bsm_carve(&carver, row * d_inner);
    tile->G = bsm_carve(&carver, row * BSM_CHUNK);
    tile->M = bsm_carve(&carver, row * BSM_CHUNK);
    tile->decay.dt = bsm_carve(&carver, row * heads);
    tile->decay.cum = bsm_carve(&carver, 2 * row * heads);
    tile->decay.in = bsm_carve(&carver, row * heads);
    tile->decay.out = bsm_carve(&carver, row * heads);
    tile->decay.all = bsm_carve(&carver, heads * sizeof(float));
    tile->scan = bsm_scan_space_carve(&carver, config);
    tile->rows = bsm_row_space_carve(&carver, d_inner > config->dim ? d_inner : config->dim);
    return carver.used;
}

size_t bsm_cpu_tile_size(const bsm_config *config)
{
    bsm_cpu_tile tile;
    return divide_tile(config, NULL, &tile);
}

bsm_cpu_tile bsm_cpu_tile_at(const bsm_config *config, const bsm_kernels *kernels, void *memory)
{
    bsm_cpu_tile tile = {.config = config, .kernels = kernels};
    divide_tile(config, memory, &tile);
    return tile;
}

/* ---- The scan ---- */

/* y = the contribution of the state before the chunk; returns the beta with which to add the
 * rest. */
static float contribution_of_state(const bsm_cpu_tile *tile, size_t rows, const float *C,
                                   const bsm_cpu_state *state, float *y)
{
    const bsm_config *config = tile->config;
    size_t d_inner = bsm_config_d_inner(config);
    if (state->zero) {
        return 0;
    }
    bsm_cpu_product(tile->kernels, &(bsm_product){.m = rows,
                                                  .n = d_inner,
                                                  .k = config->d_state,
                                                  .a = C,
                                                  .lda = bsm_cpu_ld(bsm_config_conv_dim(config)),
                                                  .b = state->S,
                                                  .ldb = bsm_cpu_ld(d_inner),
                                                  .c = y,
                                                  .ldc = d_inner});
    tile->kernels->scale_heads(rows, bsm_config_heads(config), config->headdim, tile->decay.in, y,
                               d_inner);
    return 1;
}

static void add_inside_chunk(const bsm_cpu_tile *tile, size_t rows, const float *D, float beta,
                             float *y)
{
    const bsm_config *config = tile->config;
    size_t headdim = config->headdim;
    for (size_t h = 0; h < bsm_config_heads(config); h++) {
        tile->kernels->masked_scores(rows, tile->G, tile->decay.dt + h * BSM_CHUNK,
                                     tile->decay.cum + h * BSM_CHUNK, D[h], tile->M);
        tile->kernels->triangle->times(rows, headdim, tile->M, tile->xbc + h * headdim,
                                       bsm_cpu_ld(bsm_config_conv_dim(config)), beta,
                                       y + h * headdim, bsm_config_d_inner(config));
    }
}

static void advance_state(const bsm_cpu_tile *tile, size_t rows, const float *B,
                          bsm_cpu_state *state)
{
    const bsm_config *config = tile->config;
    size_t d_inner = bsm_config_d_inner(config), ld = bsm_cpu_ld(d_inner);
    size_t ld_xbc = bsm_cpu_ld(bsm_config_conv_dim(config));
    size_t heads = bsm_config_heads(config);
    if (!state->zero) {
        tile->kernels->scale_state(config->d_state, heads, config->headdim, tile->decay.all,
                                   state->S, ld);
    }
    tile->kernels->scale_heads(rows, heads, config->headdim, tile->decay.out, tile->xbc, ld_xbc);
    bsm_cpu_product(tile->kernels, &(bsm_product){.m = config->d_state,
                                                  .n = d_inner,
                                                  .k = rows,
                                                  .transpose_a = true,
                                                  .a = B,
                                                  .lda = ld_xbc,
                                                  .b = tile->xbc,
                                                  .ldb = ld_xbc,
                                                  .beta = state->zero ? 0 : 1,
                                                  .c = state->S,
                                                  .ldc = ld});
    state->zero = false;
}

void bsm_cpu_scan_chunk(const bsm_cpu_tile *tile, size_t rows, const float *D, bsm_cpu_state *state,
                        bool last, float *y)
{
    if (tile->rounds) {
        bsm_cpu_scan_chunk_bf16(tile, rows, D, state, last, y);
        return;
    }
    const float *B = tile->xbc + bsm_config_d_inner(tile->config);
    const float *C = B + tile->config->d_state;
    if (y) {
        size_t ld = bsm_cpu_ld(bsm_config_conv_dim(tile->config));
        tile->kernels->triangle->of_products(rows, tile->config->d_state, C, ld, B, ld, tile->G);
        float beta = contribution_of_state(tile, rows, C, state, y);
        add_inside_chunk(tile, rows, D, beta, y);
    }
    if (!last) {
        advance_state(tile, rows, B, state);
    }
}

/* ---- The mixer ---- */

/* The rows before the chunk's own are the last inputs of the convolution. */
static void load_tail(const bsm_cpu_tile *tile, const bsm_cpu_state *state)
{
    size_t conv_dim = bsm_config_conv_dim(tile->config), width = raw_width(tile->config);
    for (size_t r = 0; r + 1 < tile->config->d_conv; r++) {
        if (state->zero) {
            memset(tile->raw + r * width, 0, conv_dim * sizeof(float));
        } else {
            memcpy(tile->raw + r * width, state->tail + r * conv_dim, conv_dim * sizeof(float));
        }
    }
}

static void save_tail(const bsm_cpu_tile *tile, size_t rows, bsm_cpu_state *state)
{
    size_t conv_dim = bsm_config_conv_dim(tile->config), width = raw_width(tile->config);
    for (size_t r = 0; r + 1 < tile->config->d_conv; r++) {
        memcpy(state->tail + r * conv_dim, tile->raw + (rows + r) * width,
               conv_dim * sizeof(float));
    }
}

/* Compute in_proj without z, the convolution, and the decays. */
static void prepare_scan(const bsm_cpu_tile *tile, const bsm_cpu_mixer *w, size_t rows,
                         bsm_cpu_state *state, bool last)
{
    const bsm_config *config = tile->config;
    size_t conv_dim = bsm_config_conv_dim(config), width = raw_width(config);
    float *own = tile->raw + (config->d_conv - 1) * width;
    load_tail(tile, state);
    bsm_cpu_multiply(tile->kernels, &tile->rows, rows, tile->u, &w->in_xbcdt, 0, own, width);
    tile->kernels->conv_silu(rows, conv_dim, config->d_conv, tile->raw, width, w->conv_weight,
                             w->conv_bias, tile->xbc, bsm_cpu_ld(conv_dim));
    tile->kernels->decays(rows, bsm_config_heads(config), own + conv_dim, width, w->dt_bias, w->A,
                          &tile->decay);
    if (!last) {
        save_tail(tile, rows, state);
    }
}

void bsm_cpu_mixer_chunk(const bsm_cpu_tile *tile, const bsm_cpu_mixer *weights, size_t rows,
                         const float *x, ptrdiff_t step, bsm_cpu_state *state, bool last,
                         float *out)
{
    const bsm_config *config = tile->config;
    size_t dim = config->dim, d_inner = bsm_config_d_inner(config);
    tile->kernels->rms_norm(rows, dim, x, step, weights->norm, tile->u);
    prepare_scan(tile, weights, rows, state, last);
    bsm_cpu_scan_chunk(tile, rows, weights->D, state, last, out ? tile->y : NULL);
    if (!out) {
        return;
    }
    float *z = tile->raw; /* no longer needed, and in the cache */
    bsm_cpu_multiply(tile->kernels, &tile->rows, rows, tile->u, &weights->in_z, 0, z, d_inner);
    tile->kernels->gate_norm(rows, d_inner, tile->y, z, d_inner, weights->gate_norm);
    bsm_cpu_multiply(tile->kernels, &tile->rows, rows, tile->y, &weights->out_proj, 1, out, dim);
}
