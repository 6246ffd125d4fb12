/* SPDX-License-Identifier: ISC */
/* A mixer forward, keeping what its backward needs. */
#include "device/cpu/training/mixer.h"

#include <string.h>

#include "device/cpu/training/products.h"

void bsm_mixer_normalise(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                         const bsm_group *group)
{
    size_t dim = mixer->config->dim;
    for (size_t s = 0; s < group->sequences; s++) {
        size_t row = s * group->length;
        const float *x = scratch->x + (row + bsm_mixer_row(mixer, group->length, 0)) * dim;
        mixer->kernels->rms_norm(group->length, dim, x,
                                 mixer->reversed ? -(ptrdiff_t)dim : (ptrdiff_t)dim,
                                 mixer->weights->norm, scratch->u + row * dim);
    }
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

static void scan_sequence(const bsm_cpu_training_mixer *mixer, const bsm_cpu_tile *tile,
                          size_t length, const float *projected, float *states, float *y)
{
    const bsm_config *config = mixer->config;
    for (size_t t = 0, chunk = 0; t < length; t += BSM_CHUNK, chunk++) {
        size_t rows = length - t < BSM_CHUNK ? length - t : BSM_CHUNK;
        bsm_cpu_state state = {.S = bsm_mixer_state(config, states, chunk), .zero = chunk == 0};
        convolve(mixer, projected, t, rows, tile->xbc);
        bsm_mixer_decays(mixer, projected + t * bsm_cpu_training_projected(config), rows,
                         &tile->decay);
        bsm_cpu_scan_chunk(tile, rows, mixer->weights->D, &state, true,
                           y + t * bsm_config_d_inner(config));
        if (t + rows < length) {
            advance(mixer, tile, states, chunk, rows);
        }
    }
}

/* out = x + dropout(M), back in the sequence's order. */
static void add_residual(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                         const bsm_group *group, float *out)
{
    size_t dim = mixer->config->dim, length = group->length;
    for (size_t r = 0; r < group->rows; r++) {
        size_t row = r - r % length + bsm_mixer_row(mixer, length, r % length);
        const float *x = scratch->x + row * dim, *mixed = scratch->out + r * dim;
        float *to = out + row * 2 * dim;
        for (size_t i = 0; i < dim; i++) {
            float kept =
                mixer->dropout > 0 ? bsm_mixer_kept(mixer, group->first * length + row, i) : 1;
            to[i] = x[i] + kept * mixed[i];
        }
    }
}

void bsm_mixer_forward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                       const bsm_group *group, const bsm_kept_direction *kept, float *out)
{
    const bsm_config *config = mixer->config;
    const bsm_mixer_weights *w = mixer->weights;
    size_t dim = config->dim, d_inner = bsm_config_d_inner(config);
    size_t projected = bsm_cpu_training_projected(config), ld = bsm_cpu_ld(d_inner);

    bsm_mixer_normalise(mixer, scratch, group);
    bsm_multiply_by_rows(mixer->kernels, group->rows, projected, dim, bsm_in(scratch->u, dim),
                         bsm_in(w->in_proj, dim), 0, bsm_out(kept->projected, projected));
    for (size_t s = 0; s < group->sequences; s++) {
        size_t row = s * group->length;
        scan_sequence(mixer, &scratch->tile, group->length, kept->projected + row * projected,
                      kept->states + s * bsm_cpu_training_states(config, group->length),
                      kept->y + row * d_inner);
    }
    mixer->kernels->backward->gate_norm_apart(group->rows, d_inner, kept->y, kept->projected,
                                              projected, w->gate_norm, scratch->gate, ld);
    bsm_multiply(mixer->kernels, group->rows, dim, d_inner, bsm_in(scratch->gate, ld),
                 bsm_in(mixer->out_proj, dim), 0, bsm_out(scratch->out, dim));
    add_residual(mixer, scratch, group, out);
}
