/* SPDX-License-Identifier: ISC */
/* Band split and mask estimation, with a batch of products for each class of bands. */
#include "workspace.h"

static void *values_at(const bsm_cuda_space *space, void *values, size_t index)
{
    return bsm_gpu_queue(space->gpu).bf16 ? (void *)((uint16_t *)values + index)
                                          : (void *)((float *)values + index);
}

bsm_status bsm_cuda_band_split(void *workspace, const float *spectrum, size_t frames,
                               bsm_error *error)
{
    (void)spectrum; /* bsm_cuda_analyse has computed it on the GPU */
    const bsm_cuda_space *space = workspace;
    const bsm_cuda_weights *w = space->weights;
    size_t dim = w->config.dim, features = bsm_config_features(&w->config);
    bsm_split split = {.frames = (uint32_t)frames,
                       .num_bands = (uint32_t)w->config.num_bands,
                       .features = (uint32_t)features,
                       .dim = (uint32_t)dim,
                       .bands = w->bands,
                       .spectrum = space->spectrum,
                       .gamma = w->split_gamma,
                       .bias = w->split_bias,
                       .packed = space->packed,
                       .x = space->x};
    bsm_kernel_split(bsm_gpu_queue(space->gpu), &split);
    for (size_t c = 0; c < w->num_classes; c++) {
        const bsm_band_class *class = &w->classes[c];
        /* bsm_kernel_split has set x to the bias */
        bsm_gpu_multiply(space->gpu, (bsm_gpu_sizes){frames, dim, class->width, class->count},
                         bsm_gpu_in(values_at(space, space->packed, class->before * frames),
                                    class->width, frames * class->width),
                         bsm_gpu_transposed(bsm_cuda_matrix(w, space->gpu, class->split),
                                            class->width, dim * class->width),
                         1, bsm_gpu_out(space->x + class->first * frames * dim, dim, frames * dim));
    }
    return bsm_cuda_module_done(space, error);
}

/* ---- Masks ---- */

/* A range of a block's frames. */
typedef struct frame_range {
    size_t first, count, all; /* all: number of frames of x */
} frame_range;

static void hidden_layer(const bsm_cuda_space *space, const bsm_cuda_mask *mask,
                         const frame_range *range)
{
    const bsm_cuda_weights *w = space->weights;
    bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    size_t dim = w->config.dim, hidden = w->config.mask_expansion * dim;
    size_t bands = w->config.num_bands;
    bsm_l2_norm norm = {.rows = {.first = (uint32_t)range->first,
                                 .per = (uint32_t)range->count,
                                 .stride = (uint32_t)range->all,
                                 .batches = (uint32_t)bands},
                        .dim = (uint32_t)dim,
                        .x = space->x,
                        .gamma = w->final_norm,
                        .u = space->mask.u};
    bsm_kernel_l2_norm(queue, &norm);
    bsm_gpu_multiply(
        space->gpu, (bsm_gpu_sizes){range->count, hidden, dim, bands},
        bsm_gpu_in(space->mask.u, dim, range->count * dim),
        bsm_gpu_transposed(bsm_cuda_matrix(w, space->gpu, mask->hidden), dim, hidden * dim), 0,
        bsm_gpu_out(space->mask.hidden, hidden, range->count * hidden));
    bsm_tanh tanh = {.num_bands = (uint32_t)bands,
                     .rows = (uint32_t)range->count,
                     .width = (uint32_t)hidden,
                     .hidden = space->mask.hidden,
                     .bias = mask->hidden_bias,
                     .out = space->mask.tanh};
    bsm_kernel_tanh(queue, &tanh);
}

static void output_layer(const bsm_cuda_space *space, const bsm_cuda_mask *mask, size_t frames)
{
    const bsm_cuda_weights *w = space->weights;
    size_t hidden = w->config.mask_expansion * w->config.dim;
    for (size_t c = 0; c < w->num_classes; c++) {
        const bsm_band_class *class = &w->classes[c];
        size_t out = 2 * class->width;
        bsm_gpu_multiply(
            space->gpu, (bsm_gpu_sizes){frames, out, hidden, class->count},
            bsm_gpu_in(values_at(space, space->mask.tanh, class->first * frames * hidden), hidden,
                       frames * hidden),
            bsm_gpu_transposed(
                bsm_cuda_matrix(w, space->gpu, mask->out + 2 * class->before * hidden), hidden,
                out * hidden),
            0, bsm_gpu_out(space->mask.values + 2 * class->before * frames, out, frames * out));
    }
}

static void mask_frames(const bsm_cuda_space *space, const bsm_cuda_mask *mask,
                        const frame_range *range)
{
    const bsm_cuda_weights *w = space->weights;
    size_t features = bsm_config_features(&w->config);
    hidden_layer(space, mask, range);
    output_layer(space, mask, range->count);
    bsm_apply_mask apply = {.frames = (uint32_t)range->count,
                            .features = (uint32_t)features,
                            .band_of = w->band_of,
                            .bands = w->bands,
                            .values = space->mask.values,
                            .bias = mask->out_bias,
                            .mixture = space->spectrum + range->first * features,
                            .masked = space->masked + range->first * features};
    bsm_kernel_apply_mask(bsm_gpu_queue(space->gpu), &apply);
}

bsm_status bsm_cuda_mask_stem(void *workspace, size_t stem, const bsm_block *block,
                              const float *spectrum, float *masked, bsm_error *error)
{
    (void)spectrum; /* it is on the GPU already */
    (void)masked;   /* it stays on the GPU for bsm_cuda_synthesise */
    const bsm_cuda_space *space = workspace;
    frame_range range = {.first = block->first, .all = block->frames};
    for (; range.first < block->wanted; range.first += range.count) {
        size_t left = block->wanted - range.first;
        range.count = left < space->limits.frames ? left : space->limits.frames;
        mask_frames(space, &space->weights->masks[stem], &range);
    }
    return bsm_cuda_module_done(space, error);
}
