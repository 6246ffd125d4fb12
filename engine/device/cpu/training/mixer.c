/* SPDX-License-Identifier: ISC */
/* A mixer forward, keeping what its backward needs. */
#include "device/cpu/training/mixer.h"

#include <string.h>

#include "device/cpu/training/products.h"

void bsm_mixer_normalise(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                         const bsm_group *group, size_t row, size_t first, size_t rows, float *u)
{
    size_t dim = mixer->config->dim;
    const float *x = scratch->x + (row + bsm_mixer_row(mixer, group->length, first)) * dim;
    mixer->kernels->rms_norm(rows, dim, x, mixer->reversed ? -(ptrdiff_t)dim : (ptrdiff_t)dim,
                             mixer->weights->norm, u);
}

/* x, B and C for some rows of a sequence, whose projection starts at `projected`. */
static void convolve(const bsm_cpu_training_mixer *mixer, const float *projected, size_t first,
                     size_t rows, float *xbc)
{
    const bsm_config *config = mixer->config;
    size_t ld = bsm_cpu_training_projected(config), conv_dim = bsm_config_conv_dim(config);
    size_t ld_xbc = bsm_cpu_ld(conv_dim), taps = config->d_conv, end = first + rows;
    const float *in = projected + bsm_config_d_inner(config);
    for (; first < end && first + 1 < taps; first++, xbc += ld_xbc) { /* some taps meet zeros */
        mixer->kernels->conv_silu(1, conv_dim, first + 1, in, ld,
                                  mixer->conv_weight + (taps - 1 - first) * conv_dim,
                                  mixer->weights->conv_bias, xbc, ld_xbc);
    }
    if (first < end) {
        mixer->kernels->conv_silu(end - first, conv_dim, taps, in + (first + 1 - taps) * ld, ld,
                                  mixer->conv_weight, mixer->weights->conv_bias, xbc, ld_xbc);
    }
}

void bsm_mixer_decays(const bsm_cpu_training_mixer *mixer, const float *projected, size_t rows,
                      const bsm_decay *decay)
{
    const bsm_config *config = mixer->config;
    const float *raw = projected + bsm_config_d_inner(config) + bsm_config_conv_dim(config);
    mixer->kernels->decays(rows, bsm_config_heads(config), raw, bsm_cpu_training_projected(config),
                           mixer->weights->dt_bias, mixer->A, decay);
}

/* The state before chunk + 1 from the one before `chunk`, which stays. */
static void advance(const bsm_cpu_training_mixer *mixer, const bsm_cpu_tile *tile, float *states,
                    size_t chunk, size_t rows)
{
    const bsm_config *config = mixer->config;
    const float *before = bsm_mixer_state(config, states, chunk);
    bsm_cpu_state state = {.S = bsm_mixer_state(config, states, chunk + 1), .zero = !before};
    if (before) {
        memcpy(state.S, before,
               config->d_state * bsm_cpu_ld(bsm_config_d_inner(config)) * sizeof *before);
    }
    bsm_cpu_scan_chunk(tile, rows, mixer->weights->D, &state, false, NULL);
}

/* A chunk of a sequence whose first row in the group is `row`, and what is kept of the sequence. */
typedef struct chunk {
    size_t row, index, first, rows;
    float *projected, *states, *y;
} chunk;

/* Some columns of the input projection of scratch->u. */
static void project(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                    const chunk *c, size_t first, size_t count)
{
    size_t dim = mixer->config->dim, projected = bsm_cpu_training_projected(mixer->config);
    bsm_multiply(mixer->kernels, c->rows, count, dim, bsm_in(scratch->u, dim),
                 bsm_in(mixer->in_proj + first, projected), 0,
                 bsm_out(c->projected + c->first * projected + first, projected));
}

/* The input projection but for the gate, and the scan. */
static void scan_chunk(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                       const bsm_group *group, const chunk *c)
{
    const bsm_config *config = mixer->config;
    const bsm_cpu_tile *tile = &scratch->tile;
    size_t d_inner = bsm_config_d_inner(config), projected = bsm_cpu_training_projected(config);
    bsm_cpu_state state = {.S = bsm_mixer_state(config, c->states, c->index),
                           .zero = c->index == 0};
    bsm_mixer_normalise(mixer, scratch, group, c->row, c->first, c->rows, scratch->u);
    project(mixer, scratch, c, d_inner, projected - d_inner);
    convolve(mixer, c->projected, c->first, c->rows, tile->xbc);
    bsm_mixer_decays(mixer, c->projected + c->first * projected, c->rows, &tile->decay);
    bsm_cpu_scan_chunk(tile, c->rows, mixer->weights->D, &state, true, c->y + c->first * d_inner);
    if (c->first + c->rows < group->length) {
        advance(mixer, tile, c->states, c->index, c->rows);
    }
}

/* out = x + dropout(M), back in the sequence's order. */
static void add_residual(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                         const bsm_group *group, const chunk *c, float *out)
{
    size_t dim = mixer->config->dim;
    for (size_t r = 0; r < c->rows; r++) {
        size_t row = c->row + bsm_mixer_row(mixer, group->length, c->first + r);
        const float *x = scratch->x + row * dim, *mixed = scratch->out + r * dim;
        float *to = out + row * 2 * dim;
        for (size_t i = 0; i < dim; i++) {
            float kept = mixer->dropout > 0
                             ? bsm_mixer_kept(mixer, group->first * group->length + row, i)
                             : 1;
            to[i] = x[i] + kept * mixed[i];
        }
    }
}

/* Gate, norm and output projection, while the chunk is in the cache. */
static void output_of_chunk(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                            const bsm_group *group, const chunk *c, float *out)
{
    const bsm_config *config = mixer->config;
    size_t dim = config->dim, d_inner = bsm_config_d_inner(config);
    size_t projected = bsm_cpu_training_projected(config), ld = bsm_cpu_ld(d_inner);
    project(mixer, scratch, c, 0, d_inner);
    mixer->kernels->backward->gate_norm_apart(c->rows, d_inner, c->y + c->first * d_inner,
                                              c->projected + c->first * projected, projected,
                                              mixer->weights->gate_norm, scratch->gate, ld);
    bsm_multiply(mixer->kernels, c->rows, dim, d_inner, bsm_in(scratch->gate, ld),
                 bsm_in(mixer->out_proj, dim), 0, bsm_out(scratch->out, dim));
    add_residual(mixer, scratch, group, c, out);
}

void bsm_mixer_forward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                       const bsm_group *group, const bsm_kept_direction *kept, float *out)
{
    const bsm_config *config = mixer->config;
    size_t length = group->length;
    for (size_t s = 0; s < group->sequences; s++) {
        chunk c = {.row = s * length};
        c.projected = kept->projected + c.row * bsm_cpu_training_projected(config);
        c.y = kept->y + c.row * bsm_config_d_inner(config);
        c.states = kept->states + s * bsm_cpu_training_states(config, length);
        for (; c.first < length; c.first += c.rows, c.index++) {
            c.rows = length - c.first < BSM_CHUNK ? length - c.first : BSM_CHUNK;
            scan_chunk(mixer, scratch, group, &c);
            output_of_chunk(mixer, scratch, group, &c, out);
        }
    }
}
