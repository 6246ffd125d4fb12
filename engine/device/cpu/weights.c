/* SPDX-License-Identifier: ISC */
/* Packs the host's weights for the CPU device. */
#include "device/cpu/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device/carve.h"

static const float *pack_copy(bsm_carver *p, size_t count, const float *values)
{
    float *out = bsm_carve_floats(p, count);
    if (out) {
        memcpy(out, values, count * sizeof *out);
    }
    return out;
}

/* In square blocks that fit the cache. */
void bsm_cpu_transpose(size_t rows, size_t columns, const float *matrix, float *out)
{
    enum { BLOCK = 32 };
    for (size_t r0 = 0; r0 < rows; r0 += BLOCK) {
        for (size_t c0 = 0; c0 < columns; c0 += BLOCK) {
            for (size_t r = r0; r < rows && r < r0 + BLOCK; r++) {
                for (size_t c = c0; c < columns && c < c0 + BLOCK; c++) {
                    out[c * rows + r] = matrix[r * columns + c];
                }
            }
        }
    }
}

static const float *pack_transposed(bsm_carver *p, size_t rows, size_t columns, const float *matrix)
{
    float *out = bsm_carve_floats(p, rows * columns);
    if (out) {
        bsm_cpu_transpose(rows, columns, matrix, out);
    }
    return out;
}

static const float *pack_A(bsm_carver *p, size_t heads, const float *A_log)
{
    float *out = bsm_carve_floats(p, heads);
    for (size_t h = 0; out && h < heads; h++) {
        out[h] = (float)-exp((double)A_log[h]);
    }
    return out;
}

static bsm_cpu_linear pack_linear(bsm_carver *p, size_t in, size_t out, const bsm_linear *linear)
{
    bsm_cpu_linear packed;
    packed.weight = pack_transposed(p, out, in, linear->weight);
    packed.bias = pack_copy(p, out, linear->bias);
    return packed;
}

static bsm_cpu_mixer pack_mixer(bsm_carver *p, const bsm_config *config, const bsm_mixer_weights *w)
{
    size_t dim = config->dim, d_inner = bsm_config_d_inner(config);
    size_t heads = bsm_config_heads(config), conv_dim = bsm_config_conv_dim(config);
    bsm_cpu_mixer m;
    m.norm = pack_copy(p, dim, w->norm);
    m.in_xbcdt = pack_transposed(p, conv_dim + heads, dim, w->in_proj + d_inner * dim);
    m.in_z = pack_transposed(p, d_inner, dim, w->in_proj);
    m.conv_weight = pack_transposed(p, conv_dim, config->d_conv, w->conv_weight);
    m.conv_bias = pack_copy(p, conv_dim, w->conv_bias);
    m.dt_bias = pack_copy(p, heads, w->dt_bias);
    m.A = pack_A(p, heads, w->A_log);
    m.D = pack_copy(p, heads, w->D);
    m.gate_norm = pack_copy(p, d_inner, w->gate_norm);
    m.out_proj = pack_transposed(p, dim, d_inner, w->out_proj);
    return m;
}

static bsm_cpu_path pack_path(bsm_carver *p, const bsm_config *config, const bsm_path_weights *w)
{
    bsm_cpu_path path;
    path.forward = pack_mixer(p, config, &w->forward);
    path.backward = pack_mixer(p, config, &w->backward);
    path.merge = pack_copy(p, 2 * config->dim * config->dim, w->merge_weight);
    path.merge_bias = pack_copy(p, config->dim, w->merge_bias);
    return path;
}

static void pack_all(bsm_carver *p, const bsm_weights *host, bsm_cpu_weights *w)
{
    const bsm_config *config = &host->config;
    size_t hidden = config->mask_expansion * config->dim;
    size_t offset = 0;
    for (size_t k = 0; k < config->num_bands; k++) {
        size_t features = 2 * config->channels * config->bands[k];
        w->bands[k].offset = offset;
        w->bands[k].features = features;
        offset += features;
        w->bands[k].gamma = pack_copy(p, features, host->bands[k].gamma);
        w->bands[k].linear = pack_linear(p, features, config->dim, &host->bands[k].linear);
    }
    for (size_t layer = 0; layer < config->depth; layer++) {
        w->time[layer] = pack_path(p, config, &host->time[layer]);
        w->band[layer] = pack_path(p, config, &host->band[layer]);
    }
    w->final_norm = pack_copy(p, config->dim, host->final_norm);
    for (size_t i = 0; i < config->num_stems * config->num_bands; i++) {
        size_t features = 2 * config->channels * config->bands[i % config->num_bands];
        w->masks[i].hidden = pack_linear(p, config->dim, hidden, &host->masks[i].hidden);
        w->masks[i].out = pack_linear(p, hidden, 2 * features, &host->masks[i].out);
    }
}

bsm_status bsm_cpu_weights_new(const bsm_weights *host, void **weights, bsm_error *error)
{
    const bsm_config *config = &host->config;
    bsm_cpu_weights *w = calloc(1, sizeof *w);
    if (!w) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    }
    w->config = *config;
    w->bands = calloc(config->num_bands, sizeof *w->bands);
    w->time = calloc(config->depth, sizeof *w->time);
    w->band = calloc(config->depth, sizeof *w->band);
    w->masks = calloc(config->num_stems * config->num_bands, sizeof *w->masks);
    if (w->bands && w->time && w->band && w->masks) {
        bsm_carver sizing = {0};
        pack_all(&sizing, host, w);
        w->memory = aligned_alloc(BSM_CARVE_ALIGNMENT, sizing.used);
    }
    if (!w->memory) {
        bsm_cpu_weights_free(w);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    }
    bsm_carver packing = {.block = w->memory};
    pack_all(&packing, host, w);
    *weights = w;
    return BSM_OK;
}

void bsm_cpu_weights_free(void *weights)
{
    bsm_cpu_weights *w = weights;
    if (!w) {
        return;
    }
    free(w->bands);
    free(w->time);
    free(w->band);
    free(w->masks);
    free(w->memory);
    free(w);
}
