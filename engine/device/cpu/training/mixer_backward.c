/* SPDX-License-Identifier: ISC */
/* A mixer backward, from the values that mixer.c kept. */
#include <string.h>

#include "device/cpu/training/mixer.h"
#include "device/cpu/training/products.h"

/* Get the gradient of the mixer's output in its own order, and add to x its share of out = x +
 * dropout(M). */
static void divide_gradient(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                            const bsm_group *group, const float *d_out)
{
    size_t dim = mixer->config->dim, length = group->length;
    for (size_t r = 0; r < group->rows; r++) {
        size_t row = r - r % length + bsm_mixer_row(mixer, length, r % length);
        const float *from = d_out + row * 2 * dim;
        float *to = scratch->d_out + r * dim;
        mixer->kernels->backward->add(dim, from, scratch->d_x + row * dim);
        for (size_t i = 0; i < dim; i++) {
            float kept =
                mixer->dropout > 0 ? bsm_mixer_dropout(mixer, group->first * length + row, i) : 1;
            to[i] = kept * from[i];
        }
    }
}

/* ---- One sequence, chunk by chunk ---- */

/* A sequence of the group, by its first row. */
typedef struct sequence {
    size_t length;
    const float *projected, *d_y;
    float *states, *d_projected;
} sequence;

/* Output projection, gate and norm: compute scratch->d_y and the gate's part of d_projected. */
static void output_backward(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                            const bsm_group *group, const bsm_kept_direction *kept,
                            const bsm_mixer_sums *sums)
{
    const bsm_config *config = mixer->config;
    size_t dim = config->dim, d_inner = bsm_config_d_inner(config);
    size_t projected = bsm_cpu_training_projected(config), ld = bsm_cpu_ld(d_inner);
    bsm_multiply(&scratch->products, group->rows, d_inner, dim, bsm_in(scratch->d_out, dim),
                 bsm_in(mixer->weights->out_proj, d_inner), 0, bsm_out(scratch->d_y, ld));
    mixer->kernels->backward->gate_norm(group->rows, d_inner, kept->y, kept->projected, projected,
                                        mixer->weights->gate_norm, scratch->d_y, scratch->gate, ld,
                                        scratch->d_projected, projected, sums->gate_norm);
}

/* Compute x, B, C and the decays of the chunk again, into scratch->tile. */
static void recompute(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                      const sequence *seq, const bsm_chunk_place *c)
{
    bsm_conv conv = bsm_mixer_convolution(mixer, seq->projected, c);
    mixer->kernels->backward->convolution->silu(&conv, scratch->tile.xbc, scratch->slope,
                                                bsm_cpu_ld(conv.channels));
    bsm_mixer_decays(mixer, seq->projected, c, &scratch->tile.decay);
}

static void chunk_backward(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                           const sequence *seq, const bsm_chunk_place *c, bool *zero,
                           const bsm_mixer_sums *sums)
{
    const bsm_config *config = mixer->config;
    size_t d_inner = bsm_config_d_inner(config), projected = bsm_cpu_training_projected(config);
    size_t dt = c->first * projected + d_inner + bsm_config_conv_dim(config);
    bsm_scan_chunk chunk = {.rows = c->rows,
                            .xbc = scratch->tile.xbc,
                            .D = mixer->weights->D,
                            .S = bsm_mixer_state(config, seq->states, c->index),
                            .decay = scratch->tile.decay,
                            .d_y = seq->d_y + c->first * bsm_cpu_ld(d_inner),
                            .d_xbc = scratch->d_xbc,
                            .d_D = sums->D};
    bsm_scan_chunk_backward(&scratch->scan, &chunk, scratch->d_S, zero, c->index == 0);
    mixer->kernels->backward->decays(c->rows, bsm_config_heads(config), seq->projected + dt,
                                     projected, mixer->weights->dt_bias, mixer->A, &chunk.decay,
                                     &scratch->scan.decay, seq->d_projected + dt, sums->dt_bias,
                                     sums->A);
}

/* After the chunk's rows of scratch->d_xbc, place the first rows of the following chunk, which was
 * processed before this one. */
static void place_next_rows(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                            const bsm_chunk_place *c)
{
    size_t ld = bsm_cpu_ld(bsm_config_conv_dim(mixer->config));
    size_t count = (mixer->config->d_conv - 1) * ld;
    float *behind = scratch->d_xbc + c->rows * ld;
    if (c->last) {
        memset(behind, 0, count * sizeof *behind);
    } else {
        memcpy(behind, scratch->d_xbc, count * sizeof *behind);
    }
}

static void convolution_backward(const bsm_cpu_training_mixer *mixer,
                                 const bsm_group_scratch *scratch, const sequence *seq,
                                 const bsm_chunk_place *c, const bsm_mixer_sums *sums)
{
    bsm_conv conv = bsm_mixer_convolution(mixer, seq->projected, c);
    bsm_conv_gradient gradient = {.out = scratch->d_xbc,
                                  .slope = scratch->slope,
                                  .ld_out = bsm_cpu_ld(conv.channels),
                                  .in = seq->d_projected + c->first * conv.ld +
                                        bsm_config_d_inner(mixer->config),
                                  .weight = sums->conv_weight,
                                  .bias = sums->conv_bias};
    mixer->kernels->backward->convolution->backward(&conv, &gradient);
}

static void sequence_backward(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                              const sequence *seq, const bsm_mixer_sums *sums)
{
    bool zero = true;
    for (size_t index = bsm_cpu_training_chunks(seq->length); index-- > 0;) {
        const bsm_chunk_place c = bsm_mixer_chunk(seq->length, index);
        place_next_rows(mixer, scratch, &c);
        recompute(mixer, scratch, seq, &c);
        chunk_backward(mixer, scratch, seq, &c, &zero, sums);
        convolution_backward(mixer, scratch, seq, &c, sums);
    }
}

/* ---- Input ---- */

/* Input projection and norm: from scratch->d_projected to scratch->d_x. */
static void input_backward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                           const bsm_group *group, const bsm_mixer_gradients *gradients)
{
    const bsm_kernels *kernels = mixer->kernels;
    size_t dim = mixer->config->dim, projected = bsm_cpu_training_projected(mixer->config);
    bsm_const_matrix d_projected = bsm_in(scratch->d_projected, projected);
    bsm_mixer_normalise(mixer, scratch, group);
    bsm_add_outer(&scratch->products, projected, dim, group->rows, d_projected,
                  bsm_in(scratch->u, dim), bsm_out(gradients->in_proj, dim));
    bsm_multiply(&scratch->products, group->rows, dim, projected, d_projected,
                 bsm_in(mixer->weights->in_proj, dim), 0, bsm_out(scratch->d_out, dim));
    for (size_t row = 0; row < group->rows; row += group->length) {
        size_t first = bsm_mixer_first_step(mixer, group, row);
        kernels->backward->rms_norm(group->length, dim, scratch->x + first, bsm_mixer_step(mixer),
                                    mixer->weights->norm, scratch->d_out + row * dim,
                                    scratch->d_x + first, gradients->sums->norm);
    }
}

void bsm_mixer_backward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                        const bsm_group *group, const bsm_kept_direction *kept, const float *d_out,
                        const bsm_mixer_gradients *gradients)
{
    size_t dim = mixer->config->dim, d_inner = bsm_config_d_inner(mixer->config);
    size_t projected = bsm_cpu_training_projected(mixer->config), ld = bsm_cpu_ld(d_inner);
    divide_gradient(mixer, scratch, group, d_out);
    output_backward(mixer, scratch, group, kept, gradients->sums);
    for (size_t s = 0; s < group->sequences; s++) {
        size_t row = s * group->length;
        sequence seq = {.length = group->length,
                        .projected = kept->projected + row * projected,
                        .d_y = scratch->d_y + row * ld,
                        .states = kept->states +
                                  s * bsm_cpu_training_states(mixer->config, group->length),
                        .d_projected = scratch->d_projected + row * projected};
        sequence_backward(mixer, scratch, &seq, gradients->sums);
    }
    bsm_add_outer(&scratch->products, dim, d_inner, group->rows, bsm_in(scratch->d_out, dim),
                  bsm_in(scratch->gate, ld), bsm_out(gradients->out_proj, d_inner));
    input_backward(mixer, scratch, group, gradients);
}
