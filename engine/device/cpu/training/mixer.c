/* SPDX-License-Identifier: ISC */
/* A mixer forward, keeping what its backward pass needs: the projections are products on all rows
 * of a group at once, and the scan between them goes chunk by chunk. */
#include "device/cpu/training/mixer.h"

#include <string.h>

#include "device/cpu/training/products.h"

/* ---- Parts that both passes need ---- */

bsm_chunk_place bsm_mixer_chunk(size_t length, size_t index)
{
    const size_t chunks = bsm_cpu_training_chunks(length), rows = (length + chunks - 1) / chunks;
    bsm_chunk_place c = {.index = index, .first = index * rows, .last = index + 1 == chunks};
    c.rows = c.last ? length - c.first : rows;
    return c;
}

void bsm_mixer_normalise(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                         const bsm_group *group)
{
    size_t dim = mixer->config->dim;
    for (size_t row = 0; row < group->rows; row += group->length) {
        mixer->kernels->rms_norm(
            group->length, dim, scratch->x + bsm_mixer_first_step(mixer, group, row),
            bsm_mixer_step(mixer), mixer->weights->norm, scratch->u + row * dim);
    }
}

bsm_conv bsm_mixer_convolution(const bsm_cpu_training_mixer *mixer, const float *projected,
                               const bsm_chunk_place *c)
{
    const bsm_config *config = mixer->config;
    size_t ld = bsm_cpu_training_projected(config), taps = config->d_conv;
    return (bsm_conv){.rows = c->rows,
                      .channels = bsm_config_conv_dim(config),
                      .taps = taps,
                      .before = c->first < taps - 1 ? c->first : taps - 1,
                      .in = projected + c->first * ld + bsm_config_d_inner(config),
                      .ld = ld,
                      .weight = mixer->conv_weight,
                      .bias = mixer->weights->conv_bias};
}

void bsm_mixer_decays(const bsm_cpu_training_mixer *mixer, const float *projected,
                      const bsm_chunk_place *c, const bsm_decay *decay)
{
    const bsm_config *config = mixer->config;
    size_t ld = bsm_cpu_training_projected(config);
    size_t dt = bsm_config_d_inner(config) + bsm_config_conv_dim(config);
    mixer->kernels->decays(c->rows, bsm_config_heads(config), projected + c->first * ld + dt, ld,
                           mixer->weights->dt_bias, mixer->A, decay);
}

/* ---- Forward ---- */

/* At the first steps of a sequence some taps lie before its start. */
static void convolve(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                     const float *projected, const bsm_chunk_place *c)
{
    bsm_conv conv = bsm_mixer_convolution(mixer, projected, c);
    size_t ld = bsm_cpu_ld(conv.channels), missing = conv.taps - 1 - conv.before;
    size_t few = missing < c->rows ? missing : c->rows;
    conv.rows = few;
    mixer->kernels->backward->convolution->silu(&conv, scratch->tile.xbc, scratch->slope, ld);
    mixer->kernels->conv_silu(c->rows - few, conv.channels, conv.taps,
                              conv.in + few * conv.ld - (conv.taps - 1) * conv.ld, conv.ld,
                              conv.weight, conv.bias, scratch->tile.xbc + few * ld, ld);
}

static void keep_state(const bsm_config *config, const float *S, float *kept)
{
    memcpy(kept, S, config->d_state * bsm_cpu_ld(bsm_config_d_inner(config)) * sizeof *kept);
}

/* Everything between the projections: computes y and scratch->gate for the sequence whose first
 * row in the group is `row`. */
static void sequence_forward(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                             const bsm_group *group, size_t row, const bsm_kept_direction *kept)
{
    const bsm_config *config = mixer->config;
    size_t d_inner = bsm_config_d_inner(config), ld = bsm_cpu_training_projected(config);
    const float *projected = kept->projected + row * ld;
    float *states =
        kept->states + row / group->length * bsm_cpu_training_states(config, group->length);
    bsm_cpu_state state = bsm_cpu_state_at(config, scratch->state);
    state.zero = true;
    for (size_t index = 0; index < bsm_cpu_training_chunks(group->length); index++) {
        const bsm_chunk_place c = bsm_mixer_chunk(group->length, index);
        float *y = kept->y + (row + c.first) * d_inner;
        float *gate = scratch->gate + (row + c.first) * d_inner;
        convolve(mixer, scratch, projected, &c);
        bsm_mixer_decays(mixer, projected, &c, &scratch->tile.decay);
        bsm_cpu_scan_chunk(&scratch->tile, c.rows, mixer->weights->D, &state, c.last, y);
        if (!c.last) {
            keep_state(config, state.S, bsm_mixer_state(config, states, index + 1));
        }
        memcpy(gate, y, c.rows * d_inner * sizeof *gate);
        mixer->kernels->gate_norm(c.rows, d_inner, gate, projected + c.first * ld, ld,
                                  mixer->weights->gate_norm);
    }
}

/* out = x + dropout(M), in the order of the sequences again. */
static void add_residual(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                         const bsm_group *group, float *out)
{
    size_t dim = mixer->config->dim, length = group->length;
    for (size_t r = 0; r < group->rows; r++) {
        size_t at = r - r % length + bsm_mixer_row(mixer, length, r % length);
        const float *x = scratch->x + at * dim, *mixed = scratch->out + r * dim;
        float *to = out + at * 2 * dim;
        for (size_t i = 0; i < dim; i++) {
            float kept =
                mixer->dropout > 0 ? bsm_mixer_dropout(mixer, group->first * length + at, i) : 1;
            to[i] = x[i] + kept * mixed[i];
        }
    }
}

void bsm_mixer_forward(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                       const bsm_group *group, const bsm_kept_direction *kept, float *out)
{
    const bsm_mixer_weights *w = mixer->weights;
    size_t dim = mixer->config->dim, d_inner = bsm_config_d_inner(mixer->config);
    size_t projected = bsm_cpu_training_projected(mixer->config);
    bsm_mixer_normalise(mixer, scratch, group);
    bsm_multiply_by_rows(&scratch->products, group->rows, projected, dim, bsm_in(scratch->u, dim),
                         bsm_in(w->in_proj, dim), 0, bsm_out(kept->projected, projected));
    for (size_t row = 0; row < group->rows; row += group->length) {
        sequence_forward(mixer, scratch, group, row, kept);
    }
    bsm_multiply_by_rows(&scratch->products, group->rows, dim, d_inner,
                         bsm_in(scratch->gate, d_inner), bsm_in(w->out_proj, d_inner), 0,
                         bsm_out(scratch->out, dim));
    add_residual(mixer, scratch, group, out);
}
