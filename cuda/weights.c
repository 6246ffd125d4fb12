/* SPDX-License-Identifier: ISC */
/* Packs the host's weights for the GPU: first in the host's memory, which is then copied at
 * once. */
#include "weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Memory of the host, and the memory of the GPU that it will be copied to. Without memory, a packer
 * only counts bytes. */
typedef struct packer {
    unsigned char *host, *gpu;
    size_t used;
} packer;

/* A part of a packer's memory: where to write it on the host, and where it will be on the GPU. */
typedef struct packed {
    void *host;
    const void *gpu;
} packed;

static packed take(packer *p, size_t bytes)
{
    enum { ALIGNMENT = 256 };
    packed part = {NULL, NULL};
    if (p->host) {
        part.host = p->host + p->used;
        part.gpu = p->gpu + p->used;
    }
    p->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return part;
}

/* Vectors and matrices have their own memory, so that all matrices can be converted to bfloat16 at
 * once. */
typedef struct packers {
    packer vectors, matrices;
} packers;

static const float *pack_vector(packers *p, size_t count, const float *values)
{
    packed part = take(&p->vectors, count * sizeof *values);
    if (part.host) {
        memcpy(part.host, values, count * sizeof *values);
    }
    return part.gpu;
}

static bsm_matrix_offset pack_matrix(packers *p, size_t count, const float *values)
{
    bsm_matrix_offset at = p->matrices.used / sizeof *values;
    packed part = take(&p->matrices, count * sizeof *values);
    if (part.host) {
        memcpy(part.host, values, count * sizeof *values);
    }
    return at;
}

/* Pack a matrix with each column multiplied by a weight, so that the input need not be. */
static bsm_matrix_offset pack_scaled(packers *p, size_t rows, size_t columns, const float *values,
                                     const float *weights)
{
    bsm_matrix_offset at = p->matrices.used / sizeof *values;
    float *to = take(&p->matrices, rows * columns * sizeof *values).host;
    for (size_t i = 0; to && i < rows * columns; i++) {
        to[i] = values[i] * weights[i % columns];
    }
    return at;
}

static const float *pack_A(packers *p, size_t heads, const float *A_log)
{
    packed part = take(&p->vectors, heads * sizeof *A_log);
    float *A = part.host;
    for (size_t h = 0; A && h < heads; h++) {
        A[h] = (float)-exp((double)A_log[h]);
    }
    return part.gpu;
}

/* ---- Paths ---- */

static bsm_cuda_mixer pack_mixer(packers *p, const bsm_config *config, const bsm_mixer_weights *w)
{
    size_t dim = config->dim, d_inner = bsm_config_d_inner(config);
    size_t heads = bsm_config_heads(config), conv_dim = bsm_config_conv_dim(config);
    bsm_cuda_mixer m;
    m.norm = NULL;
    m.in_proj = pack_scaled(p, d_inner + conv_dim + heads, dim, w->in_proj, w->norm);
    m.conv_weight = pack_vector(p, conv_dim * config->d_conv, w->conv_weight);
    m.conv_bias = pack_vector(p, conv_dim, w->conv_bias);
    m.dt_bias = pack_vector(p, heads, w->dt_bias);
    m.A = pack_A(p, heads, w->A_log);
    m.D = pack_vector(p, heads, w->D);
    m.gate_norm = NULL;
    m.out_proj = pack_scaled(p, dim, d_inner, w->out_proj, w->gate_norm);
    return m;
}

static bsm_cuda_path pack_path(packers *p, const bsm_config *config, const bsm_path_weights *w)
{
    bsm_cuda_path path;
    path.forward = pack_mixer(p, config, &w->forward);
    path.backward = pack_mixer(p, config, &w->backward);
    path.merge = pack_matrix(p, 2 * config->dim * config->dim, w->merge_weight);
    path.merge_bias = pack_vector(p, config->dim, w->merge_bias);
    return path;
}

/* ---- Bands ---- */

static size_t features_of(const bsm_config *config, size_t band)
{
    return 2 * config->channels * config->bands[band];
}

static void pack_bands(packers *p, bsm_cuda_weights *w)
{
    const bsm_config *config = &w->config;
    packed bands = take(&p->vectors, config->num_bands * sizeof *w->bands);
    packed band_of = take(&p->vectors, bsm_config_features(config) / 2 * sizeof *w->band_of);
    w->bands = bands.gpu;
    w->band_of = band_of.gpu;
    if (!bands.host) {
        return;
    }
    bsm_classes_pack(config, w->classes, w->num_classes, bands.host);
    uint16_t *next = band_of.host;
    for (size_t k = 0; k < config->num_bands; k++) {
        for (size_t i = 0; i < features_of(config, k) / 2; i++) {
            *next++ = (uint16_t)k;
        }
    }
}

/* gamma is packed in the order of a frame's features, so the bands' gammas are adjacent. */
static void pack_split(packers *p, const bsm_weights *host, bsm_cuda_weights *w)
{
    const bsm_config *config = &w->config;
    packed gammas = take(&p->vectors, bsm_config_features(config) * sizeof(float));
    packed biases = take(&p->vectors, config->num_bands * config->dim * sizeof(float));
    w->split_gamma = gammas.gpu;
    w->split_bias = biases.gpu;
    float *gamma = gammas.host, *bias = biases.host;
    for (size_t k = 0; gamma && k < config->num_bands; k++) {
        memcpy(gamma, host->bands[k].gamma, features_of(config, k) * sizeof *gamma);
        memcpy(bias, host->bands[k].linear.bias, config->dim * sizeof *bias);
        gamma += features_of(config, k);
        bias += config->dim;
    }
}

static void pack_split_class(packers *p, const bsm_weights *host, bsm_band_class *class)
{
    size_t dim = host->config.dim;
    class->split = p->matrices.used / sizeof(float);
    float *to = take(&p->matrices, class->count * dim * class->width * sizeof *to).host;
    for (size_t i = 0; to && i < class->count; i++) {
        size_t features = features_of(&host->config, class->first + i);
        const float *from = host->bands[class->first + i].linear.weight;
        for (size_t row = 0; row < dim; row++, to += class->width, from += features) {
            memcpy(to, from, features * sizeof *to); /* the rest is zero */
        }
    }
}

/* ---- Masks ---- */

/* Copy the rows of the mask's values and those of its gates, each padded to `width` rows. */
static void pad_halves(size_t features, size_t width, size_t columns, const float *from, float *to)
{
    memcpy(to, from, features * columns * sizeof *to);
    memcpy(to + width * columns, from + features * columns, features * columns * sizeof *to);
}

static void pack_mask_out(packers *p, const bsm_weights *host, const bsm_mask_weights *masks,
                          const bsm_cuda_weights *w, bsm_cuda_mask *mask)
{
    size_t hidden = host->config.mask_expansion * host->config.dim;
    packed biases = take(&p->vectors, 2 * w->packed_width * sizeof(float));
    mask->out = p->matrices.used / sizeof(float);
    mask->out_bias = biases.gpu;
    float *matrix = take(&p->matrices, 2 * w->packed_width * hidden * sizeof *matrix).host;
    float *bias = biases.host;
    if (!matrix || !bias) {
        return;
    }
    for (size_t c = 0; c < w->num_classes; c++) {
        size_t width = w->classes[c].width;
        for (size_t i = 0; i < w->classes[c].count; i++) {
            size_t band = w->classes[c].first + i, features = features_of(&host->config, band);
            pad_halves(features, width, hidden, masks[band].out.weight, matrix);
            pad_halves(features, width, 1, masks[band].out.bias, bias);
            matrix += 2 * width * hidden;
            bias += 2 * width;
        }
    }
}

static void pack_mask(packers *p, const bsm_weights *host, size_t stem, const bsm_cuda_weights *w,
                      bsm_cuda_mask *mask)
{
    const bsm_config *config = &host->config;
    const bsm_mask_weights *masks = host->masks + stem * config->num_bands;
    size_t hidden = config->mask_expansion * config->dim;
    packed biases = take(&p->vectors, config->num_bands * hidden * sizeof(float));
    mask->hidden = p->matrices.used / sizeof(float);
    mask->hidden_bias = biases.gpu;
    float *matrix =
        take(&p->matrices, config->num_bands * hidden * config->dim * sizeof *matrix).host;
    float *bias = biases.host;
    for (size_t k = 0; matrix && bias && k < config->num_bands; k++) {
        memcpy(matrix + k * hidden * config->dim, masks[k].hidden.weight,
               hidden * config->dim * sizeof *matrix);
        memcpy(bias + k * hidden, masks[k].hidden.bias, hidden * sizeof *bias);
    }
    pack_mask_out(p, host, masks, w, mask);
}

static void pack_all(packers *p, const bsm_weights *host, bsm_cuda_weights *w)
{
    const bsm_config *config = &host->config;
    pack_bands(p, w);
    pack_split(p, host, w);
    for (size_t c = 0; c < w->num_classes; c++) {
        pack_split_class(p, host, &w->classes[c]);
    }
    for (size_t layer = 0; layer < config->depth; layer++) {
        w->time[layer] = pack_path(p, config, &host->time[layer]);
        w->band[layer] = pack_path(p, config, &host->band[layer]);
    }
    w->final_norm = pack_vector(p, config->dim, host->final_norm);
    for (size_t stem = 0; stem < config->num_stems; stem++) {
        pack_mask(p, host, stem, w, &w->masks[stem]);
    }
}

/* ---- Memory ---- */

static bool allocate_tables(bsm_cuda_weights *w)
{
    const bsm_config *config = &w->config;
    w->classes = calloc(config->num_bands, sizeof *w->classes);
    w->time = calloc(config->depth, sizeof *w->time);
    w->band = calloc(config->depth, sizeof *w->band);
    w->masks = calloc(config->num_stems, sizeof *w->masks);
    return w->classes && w->time && w->band && w->masks;
}

static bsm_status allocate_packer(packer *p, bsm_gpu *gpu, bsm_error *error)
{
    size_t bytes = p->used;
    void *host = NULL, *memory = NULL;
    p->used = 0;
    bsm_status status = bsm_gpu_allocate_host(gpu, bytes, &host, error);
    if (!status) {
        memset(host, 0, bytes);
        status = bsm_gpu_allocate(gpu, bytes, "the weights", &memory, error);
    }
    p->host = host;
    p->gpu = memory;
    return status;
}

static bsm_status pack_and_upload(const bsm_weights *host, bsm_gpu *gpu, bsm_cuda_weights *w,
                                  bsm_error *error)
{
    packers p = {0};
    pack_all(&p, host, w); /* only counts bytes */
    bsm_status status = allocate_packer(&p.vectors, gpu, error);
    w->memory = p.vectors.gpu;
    if (!status) {
        status = allocate_packer(&p.matrices, gpu, error);
        w->matrices = (float *)(void *)p.matrices.gpu;
    }
    if (!status) {
        pack_all(&p, host, w);
        w->num_values = p.matrices.used / sizeof(float);
        w->vector_bytes = p.vectors.used;
        bsm_gpu_upload(gpu, p.vectors.gpu, p.vectors.host, p.vectors.used);
        bsm_gpu_upload(gpu, p.matrices.gpu, p.matrices.host, p.matrices.used);
        bsm_gpu_wait(gpu);
        status = bsm_gpu_status(gpu, error);
    }
    bsm_gpu_release_host(p.vectors.host);
    bsm_gpu_release_host(p.matrices.host);
    return status;
}

bsm_status bsm_cuda_weights_new(const bsm_weights *host, void **weights, bsm_error *error)
{
    bsm_cuda_weights *w = calloc(1, sizeof *w);
    if (!w) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    }
    pthread_mutex_init(&w->lock, NULL);
    w->config = host->config;
    bsm_gpu *gpu = NULL;
    bsm_status status = allocate_tables(w)
                            ? bsm_gpu_new(BSM_PRECISION_FLOAT32, &gpu, error)
                            : bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    if (!status) {
        w->num_classes = bsm_classes_of(&w->config, w->classes, &w->packed_width);
        status = pack_and_upload(host, gpu, w, error);
        bsm_gpu_free(gpu);
    }
    if (status) {
        bsm_cuda_weights_free(w);
        return status;
    }
    *weights = w;
    return BSM_OK;
}

void bsm_cuda_weights_free(void *weights)
{
    bsm_cuda_weights *w = weights;
    if (!w) {
        return;
    }
    bsm_gpu_release(w->memory);
    bsm_gpu_release(w->matrices);
    bsm_gpu_release(w->bf16);
    pthread_mutex_destroy(&w->lock);
    free(w->classes);
    free(w->time);
    free(w->band);
    free(w->masks);
    free(w);
}

enum { BF16_BYTES = 2 };

size_t bsm_cuda_weights_bytes(bsm_cuda_weights *w)
{
    pthread_mutex_lock(&w->lock);
    const size_t value_bytes = sizeof *w->matrices + (w->bf16 ? (size_t)BF16_BYTES : 0);
    pthread_mutex_unlock(&w->lock);
    return w->vector_bytes + w->num_values * value_bytes;
}

static bsm_status convert(bsm_cuda_weights *w, bsm_gpu *gpu, bsm_error *error)
{
    void *memory = NULL;
    bsm_status status = bsm_gpu_allocate(gpu, w->num_values * BF16_BYTES, "the weights in bfloat16",
                                         &memory, error);
    if (status) {
        return status;
    }
    bsm_kernel_to_bf16(bsm_gpu_queue(gpu).stream, w->num_values, w->matrices, memory);
    bsm_gpu_wait(gpu);
    status = bsm_gpu_status(gpu, error);
    if (status) {
        bsm_gpu_release(memory);
        return status;
    }
    w->bf16 = memory;
    return BSM_OK;
}

bsm_status bsm_cuda_weights_need_bf16(bsm_cuda_weights *w, bsm_gpu *gpu, bsm_error *error)
{
    pthread_mutex_lock(&w->lock);
    bsm_status status = w->bf16 ? BSM_OK : convert(w, gpu, error);
    pthread_mutex_unlock(&w->lock);
    return status;
}

const void *bsm_cuda_matrix(const bsm_cuda_weights *w, const bsm_gpu *gpu, bsm_matrix_offset at)
{
    if (bsm_gpu_queue(gpu).bf16) {
        return (const uint16_t *)w->bf16 + at;
    }
    return w->matrices + at;
}
