/* SPDX-License-Identifier: ISC */
/* The modules with weights of their own for each band: band split and mask estimation. */
#include "device/cpu/matrix.h"
#include "device/cpu/workspace.h"

static void linear(const bsm_cpu_workspace *space, size_t rows, size_t in, size_t out,
                   const float *x, const float *weight, float *y)
{
    bsm_cpu_product(space->kernels, &(bsm_product){.m = rows,
                                                   .n = out,
                                                   .k = in,
                                                   .a = x,
                                                   .lda = in,
                                                   .b = weight,
                                                   .ldb = out,
                                                   .c = y,
                                                   .ldc = out});
}

static size_t rows_of_chunk(size_t first, size_t frames)
{
    return frames - first < BSM_CHUNK ? frames - first : BSM_CHUNK;
}

typedef struct split {
    const bsm_cpu_workspace *space;
    const float *spectrum;
    size_t frames;
} split;

static void split_band(void *job, size_t thread, size_t band)
{
    const split *s = job;
    const bsm_cpu_workspace *space = s->space;
    float *normed = space->threads[thread].values;
    const bsm_config *config = &space->weights->config;
    const bsm_cpu_band_weights *w = &space->weights->bands[band];
    size_t ld = bsm_config_features(config);
    for (size_t first = 0; first < s->frames; first += BSM_CHUNK) {
        size_t rows = rows_of_chunk(first, s->frames);
        float *x = space->x + (band * s->frames + first) * config->dim;
        space->kernels->l2_norm(rows, w->features, s->spectrum + first * ld + w->offset, ld,
                                w->gamma, normed);
        linear(space, rows, w->features, config->dim, normed, w->linear.weight, x);
        space->kernels->add_bias(rows, config->dim, x, config->dim, w->linear.bias);
    }
}

bsm_status bsm_cpu_band_split(void *workspace, const float *spectrum, size_t frames,
                              bsm_error *error)
{
    (void)error;
    const bsm_cpu_workspace *space = workspace;
    bsm_cpu_run(space->options.threads, space->weights->config.num_bands, split_band,
                &(split){space, spectrum, frames});
    return BSM_OK;
}

typedef struct mask {
    const bsm_cpu_workspace *space;
    size_t stem;
    const bsm_block *block;
    const float *spectrum;
    float *masked;
} mask;

static void mask_band(void *job, size_t number, size_t band)
{
    const mask *m = job;
    const bsm_cpu_workspace *space = m->space;
    const bsm_cpu_thread *thread = &space->threads[number];
    const bsm_config *config = &space->weights->config;
    const bsm_cpu_mask_weights *w = &space->weights->masks[m->stem * config->num_bands + band];
    const bsm_kernels *kernels = space->kernels;
    size_t dim = config->dim, hidden = config->mask_expansion * dim;
    size_t features = space->weights->bands[band].features, ld = bsm_config_features(config);
    for (size_t first = 0; first < m->block->wanted; first += BSM_CHUNK) {
        size_t rows = rows_of_chunk(first, m->block->wanted);
        const float *x = space->x + (band * m->block->frames + first) * dim;
        size_t place = first * ld + space->weights->bands[band].offset;
        kernels->l2_norm(rows, dim, x, dim, space->weights->final_norm, thread->backward);
        linear(space, rows, dim, hidden, thread->backward, w->hidden.weight, thread->hidden);
        kernels->tanh_bias(rows, hidden, thread->hidden, w->hidden.bias);
        linear(space, rows, hidden, 2 * features, thread->hidden, w->out.weight, thread->values);
        kernels->apply_mask(rows, features, thread->values, w->out.bias, m->spectrum + place,
                            m->masked + place, ld);
    }
}

bsm_status bsm_cpu_mask(void *workspace, size_t stem, const bsm_block *block, const float *spectrum,
                        float *masked, bsm_error *error)
{
    (void)error;
    const bsm_cpu_workspace *space = workspace;
    bsm_cpu_run(space->options.threads, space->weights->config.num_bands, mask_band,
                &(mask){space, stem, block, spectrum, masked});
    return BSM_OK;
}
