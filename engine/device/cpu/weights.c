/* SPDX-License-Identifier: ISC */
/* Packs the host's weights for the CPU device. */
#include "device/cpu/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "device/carve.h"

typedef struct packer {
    bsm_carver carver;
    bsm_precision precision;
} packer;

static const float *pack_copy(packer *p, size_t count, const float *values)
{
    float *out = bsm_carve_floats(&p->carver, count);
    if (out) {
        memcpy(out, values, count * sizeof *out);
    }
    return out;
}

static const float *pack_transposed(packer *p, size_t rows, size_t columns, const float *matrix)
{
    float *out = bsm_carve_floats(&p->carver, rows * columns);
    if (out) {
        bsm_cpu_transpose(rows, columns, matrix, out);
    }
    return out;
}

/* A matrix of a path, which the model file stores as [out][in]. */
static bsm_cpu_matrix pack_matrix(packer *p, size_t in, size_t out, const float *values)
{
    return bsm_cpu_matrix_pack(
        &p->carver,
        &(bsm_matrix_source){.values = values, .in = in, .out = out, .in_step = 1, .out_step = in},
        p->precision);
}

/* Merges are 7 % of the published network's arithmetic, and in int8 they would cost it 1 dB. */
static bsm_precision precision_of_merges(bsm_precision precision)
{
    if (precision != BSM_PRECISION_INT8) {
        return precision;
    }
    return bsm_packed_bf16() ? BSM_PRECISION_BFLOAT16 : BSM_PRECISION_FLOAT32;
}

/* One half of a merge, which the model file stores as [in][out]. */
static bsm_cpu_matrix pack_merge(packer *p, size_t dim, const float *values)
{
    return bsm_cpu_matrix_pack(
        &p->carver,
        &(bsm_matrix_source){
            .values = values, .in = dim, .out = dim, .in_step = dim, .out_step = 1},
        precision_of_merges(p->precision));
}

static const float *pack_A(packer *p, size_t heads, const float *A_log)
{
    float *out = bsm_carve_floats(&p->carver, heads);
    for (size_t h = 0; out && h < heads; h++) {
        out[h] = (float)-exp((double)A_log[h]);
    }
    return out;
}

static bsm_cpu_linear pack_linear(packer *p, size_t in, size_t out, const bsm_linear *linear)
{
    bsm_cpu_linear packed;
    packed.weight = pack_transposed(p, out, in, linear->weight);
    packed.bias = pack_copy(p, out, linear->bias);
    return packed;
}

static bsm_cpu_mixer pack_mixer(packer *p, const bsm_config *config, const bsm_mixer_weights *w)
{
    size_t dim = config->dim, d_inner = bsm_config_d_inner(config);
    size_t heads = bsm_config_heads(config), conv_dim = bsm_config_conv_dim(config);
    bsm_cpu_mixer m;
    m.norm = pack_copy(p, dim, w->norm);
    m.in_xbcdt = pack_matrix(p, dim, conv_dim + heads, w->in_proj + d_inner * dim);
    m.in_z = pack_matrix(p, dim, d_inner, w->in_proj);
    m.conv_weight = pack_transposed(p, conv_dim, config->d_conv, w->conv_weight);
    m.conv_bias = pack_copy(p, conv_dim, w->conv_bias);
    m.dt_bias = pack_copy(p, heads, w->dt_bias);
    m.A = pack_A(p, heads, w->A_log);
    m.D = pack_copy(p, heads, w->D);
    m.gate_norm = pack_copy(p, d_inner, w->gate_norm);
    m.out_proj = pack_matrix(p, d_inner, dim, w->out_proj);
    return m;
}

static bsm_cpu_path pack_path(packer *p, const bsm_config *config, const bsm_path_weights *w)
{
    bsm_cpu_path path;
    path.forward = pack_mixer(p, config, &w->forward);
    path.backward = pack_mixer(p, config, &w->backward);
    path.merge_forward = pack_merge(p, config->dim, w->merge_weight);
    path.merge_backward = pack_merge(p, config->dim, w->merge_weight + config->dim * config->dim);
    path.merge_bias = pack_copy(p, config->dim, w->merge_bias);
    return path;
}

static void pack_all(packer *p, const bsm_weights *host, bsm_cpu_weights *w)
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

static bsm_status new_weights(const bsm_weights *host, bsm_precision precision, void **weights,
                              bsm_error *error)
{
    const bsm_config *config = &host->config;
    bsm_cpu_weights *w = calloc(1, sizeof *w);
    if (!w) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    }
    w->config = *config;
    w->precision = precision;
    w->bands = calloc(config->num_bands, sizeof *w->bands);
    w->time = calloc(config->depth, sizeof *w->time);
    w->band = calloc(config->depth, sizeof *w->band);
    w->masks = calloc(config->num_stems * config->num_bands, sizeof *w->masks);
    if (w->bands && w->time && w->band && w->masks) {
        packer sizing = {.precision = precision};
        pack_all(&sizing, host, w);
        w->memory = bsm_large_alloc(sizing.carver.used);
    }
    if (!w->memory) {
        bsm_cpu_weights_free(w);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    }
    packer packing = {.carver = {.block = w->memory}, .precision = precision};
    pack_all(&packing, host, w);
    *weights = w;
    return BSM_OK;
}

bsm_status bsm_cpu_weights_new(const bsm_weights *host, void **weights, bsm_error *error)
{
    return new_weights(host, BSM_PRECISION_FLOAT32, weights, error);
}

bsm_status bsm_cpu_weights_new_bf16(const bsm_weights *host, void **weights, bsm_error *error)
{
    return new_weights(host, BSM_PRECISION_BFLOAT16, weights, error);
}

bsm_status bsm_cpu_weights_new_int8(const bsm_weights *host, void **weights, bsm_error *error)
{
    return new_weights(host, BSM_PRECISION_INT8, weights, error);
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
