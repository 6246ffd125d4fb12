/* SPDX-License-Identifier: ISC */
/* The modules with weights of their own for each band: band split and mask estimation. */
#include "device/cpu/product.h"
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

static void split_band(const bsm_cpu_workspace *space, const bsm_cpu_thread *thread, size_t band,
                       const float *spectrum, size_t frames)
{
    const bsm_config *config = &space->weights->config;
    const bsm_cpu_band_weights *w = &space->weights->bands[band];
    size_t ld = bsm_config_features(config);
    for (size_t first = 0; first < frames; first += BSM_CHUNK) {
        size_t rows = rows_of_chunk(first, frames);
        float *x = space->x + (band * frames + first) * config->dim;
        space->kernels->l2_norm(rows, w->features, spectrum + first * ld + w->offset, ld, w->gamma,
                                thread->values);
        linear(space, rows, w->features, config->dim, thread->values, w->linear.weight, x);
        space->kernels->add_bias(rows, config->dim, x, config->dim, w->linear.bias);
    }
}

bsm_status bsm_cpu_band_split(void *workspace, const float *spectrum, size_t frames,
                              bsm_error *error)
{
    (void)error;
    bsm_cpu_workspace *space = workspace;
#pragma omp parallel num_threads((int)space->options.threads)
    {
        bsm_thread_mode mode = bsm_cpu_enter_thread();
#pragma omp for schedule(dynamic)
        for (size_t band = 0; band < space->weights->config.num_bands; band++) {
            split_band(space, bsm_cpu_this_thread(space), band, spectrum, frames);
        }
        bsm_cpu_leave_thread(mode);
    }
    return BSM_OK;
}

static void mask_band(const bsm_cpu_workspace *space, const bsm_cpu_thread *thread, size_t stem,
                      size_t band, const bsm_block *block, const float *spectrum, float *masked)
{
    const bsm_config *config = &space->weights->config;
    const bsm_cpu_mask_weights *w = &space->weights->masks[stem * config->num_bands + band];
    const bsm_kernels *kernels = space->kernels;
    size_t dim = config->dim, hidden = config->mask_expansion * dim;
    size_t features = space->weights->bands[band].features, ld = bsm_config_features(config);
    for (size_t first = 0; first < block->wanted; first += BSM_CHUNK) {
        size_t rows = rows_of_chunk(first, block->wanted);
        const float *x = space->x + (band * block->frames + first) * dim;
        size_t place = first * ld + space->weights->bands[band].offset;
        kernels->l2_norm(rows, dim, x, dim, space->weights->final_norm, thread->backward);
        linear(space, rows, dim, hidden, thread->backward, w->hidden.weight, thread->hidden);
        kernels->tanh_bias(rows, hidden, thread->hidden, w->hidden.bias);
        linear(space, rows, hidden, 2 * features, thread->hidden, w->out.weight, thread->values);
        kernels->apply_mask(rows, features, thread->values, w->out.bias, spectrum + place,
                            masked + place, ld);
    }
}

bsm_status bsm_cpu_mask(void *workspace, size_t stem, const bsm_block *block, const float *spectrum,
                        float *masked, bsm_error *error)
{
    (void)error;
    bsm_cpu_workspace *space = workspace;
#pragma omp parallel num_threads((int)space->options.threads)
    {
        bsm_thread_mode mode = bsm_cpu_enter_thread();
#pragma omp for schedule(dynamic)
        for (size_t band = 0; band < space->weights->config.num_bands; band++) {
            mask_band(space, bsm_cpu_this_thread(space), stem, band, block, spectrum, masked);
        }
        bsm_cpu_leave_thread(mode);
    }
    return BSM_OK;
}
