/* SPDX-License-Identifier: ISC */
/* The forward and the backward pass of the dual paths, slab by slab. */
#include "device/dropout.h"
#include "training/space.h"

/* The direction of a path that is being computed. */
typedef struct direction {
    const bsm_cuda_training *space;
    const bsm_cuda_mixer *mixer;
    const bsm_mixer_places *places;
    const bsm_cuda_kept_path *kept;
    bsm_cuda_space net; /* the forward mixer's view of the memory, with the path's x */
    bsm_gpu_dropout dropout;
    size_t number, sequences; /* number: 0 forward, 1 backward */
    bsm_steps steps;
    bool along_bands;
} direction;

/* A function that processes a slab. */
typedef void slab_work(const direction *d, const bsm_slab *slab);

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t path_index(size_t layer, bsm_axis axis)
{
    return 2 * layer + (axis == BSM_ALONG_BANDS);
}

static const bsm_cuda_kept_path *kept_of(const bsm_cuda_training *space, size_t path)
{
    return &space->kept[space->options.checkpointing ? 0 : path];
}

static direction direction_of(const bsm_cuda_training *space, size_t layer, bsm_axis axis,
                              size_t number)
{
    const size_t path = path_index(layer, axis), bands = space->config.num_bands;
    const bsm_cuda_path *weights =
        axis == BSM_ALONG_TIME ? &space->weights.time[layer] : &space->weights.band[layer];
    direction d = {.space = space,
                   .mixer = number ? &weights->backward : &weights->forward,
                   .places = &space->places.paths[path].mixers[number],
                   .kept = kept_of(space, path),
                   .net = space->net,
                   .number = number,
                   .along_bands = axis == BSM_ALONG_BANDS};
    d.sequences = d.along_bands ? space->frames : bands;
    d.steps = bsm_cuda_steps(d.along_bands ? bands : space->frames, 0);
    d.steps.reversed = number == 1;
    d.net.x = bsm_features_at(space, path);
    d.dropout = (bsm_gpu_dropout){
        .key = bsm_dropout_key(space->dropout_key, layer, d.along_bands, number == 1),
        .p = space->options.dropout,
        .frames = (uint32_t)space->frames,
        .bands = (uint32_t)bands,
        .along_bands = d.along_bands};
    return d;
}

static void run_slabs(direction *d, slab_work *work)
{
    const bsm_slab_limits *limits = &d->net.limits;
    const size_t padded = (size_t)d->steps.chunks * d->steps.chunk;
    const size_t most = min(limits->rows / padded, limits->chunks / d->steps.chunks);
    const bsm_mixer_shape shape = d->net.shape;
    for (size_t first = 0; first < d->sequences; first += most) {
        const bsm_slab slab = bsm_cuda_slab(d->steps, d->along_bands, d->space->frames, first,
                                            min(most, d->sequences - first));
        const size_t row = first * d->steps.steps;
        d->net.mixer.zxBC =
            bsm_values_at(d->space, d->kept->zxBC[d->number], row * bsm_shape_zxBC(shape));
        d->net.mixer.raw_dt = d->kept->raw_dt[d->number] + row * shape.heads;
        d->net.mixer.y =
            bsm_values_at(d->space, d->kept->y[d->number], row * bsm_shape_inner(shape));
        work(d, &slab);
    }
}

/* ---- Forward ---- */

static void project_out(const direction *d, const bsm_slab *slab)
{
    const bsm_cuda_training *space = d->space;
    const size_t inner = bsm_shape_inner(d->net.shape);
    bsm_gpu_multiply(space->gpu, (bsm_gpu_sizes){bsm_slab_rows(slab), space->config.dim, inner, 1},
                     bsm_gpu_in(d->net.mixer.gated, inner, 0),
                     bsm_gpu_transposed(bsm_weights_at(space, d->places->out_proj), inner, 0), 0,
                     bsm_gpu_out(space->gradients.mixed, space->config.dim, 0));
}

static void forward_slab(const direction *d, const bsm_slab *slab)
{
    const bsm_cuda_training *space = d->space;
    const bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    bsm_cuda_mixer_normalise(&d->net, d->mixer, slab);
    bsm_cuda_mixer_project_dt(&d->net, d->mixer, NULL, slab);
    bsm_cuda_mixer_gated(&d->net, d->mixer, slab);
    project_out(d, slab);
    bsm_residual residual = {.rows = slab->rows,
                             .dropout = d->dropout,
                             .dim = (uint32_t)space->config.dim,
                             .direction = (uint32_t)d->number,
                             .x = d->net.x,
                             .mixed = space->gradients.mixed,
                             .pair = d->kept->pair};
    bsm_kernel_residual(queue, &residual);
}

static void run_directions(const bsm_cuda_training *space, size_t layer, bsm_axis axis)
{
    for (size_t number = 0; number < 2; number++) {
        direction d = direction_of(space, layer, axis, number);
        run_slabs(&d, forward_slab);
    }
}

/* The next path's x = x + [forward, backward] W + bias. */
static void merge(const bsm_cuda_training *space, size_t path)
{
    const bsm_path_places *places = &space->places.paths[path];
    const size_t dim = space->config.dim;
    bsm_add_bias add = {.rows = (uint32_t)space->rows,
                        .dim = (uint32_t)dim,
                        .x = bsm_features_at(space, path),
                        .bias = space->vectors[BSM_PARAMETERS] + places->merge_bias,
                        .out = bsm_features_at(space, path + 1)};
    bsm_kernel_add_bias(bsm_gpu_queue(space->gpu), &add);
    bsm_gpu_multiply(space->gpu, (bsm_gpu_sizes){space->rows, dim, 2 * dim, 1},
                     bsm_gpu_in(kept_of(space, path)->pair, 2 * dim, 0),
                     bsm_gpu_in(bsm_weights_at(space, places->merge), dim, 0), 1,
                     bsm_gpu_out(add.out, dim, 0));
}

bsm_status bsm_cuda_training_path(void *opaque, size_t layer, bsm_axis axis, bsm_error *error)
{
    const bsm_cuda_training *space = opaque;
    bsm_gpu_use(space->gpu);
    run_directions(space, layer, axis);
    merge(space, path_index(layer, axis));
    return bsm_gpu_status(space->gpu, error);
}

/* ---- Backward ---- */

void bsm_cuda_training_convert_gradient(const bsm_cuda_training *space)
{
    const bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    if (queue.bf16) {
        bsm_kernel_to_bf16(queue.stream, space->rows * space->config.dim, space->d_x,
                           space->d_x_values);
    }
}

static void merge_bias_backward(const bsm_cuda_training *space, const bsm_path_places *places)
{
    bsm_sum_rows sum = {.rows = (uint32_t)space->rows,
                        .columns = (uint32_t)space->config.dim,
                        .in = space->d_x,
                        .partial = space->partial};
    bsm_kernel_sum_rows(bsm_gpu_queue(space->gpu), &sum);
    bsm_add_sums(space, bsm_pieces_of(sum.rows), sum.columns,
                 bsm_gradients_at(space, places->merge_bias));
}

static void merge_backward(const bsm_cuda_training *space, size_t path)
{
    const bsm_path_places *places = &space->places.paths[path];
    const size_t dim = space->config.dim;
    merge_bias_backward(space, places);
    bsm_cuda_training_convert_gradient(space);
    bsm_gpu_multiply(space->gpu, (bsm_gpu_sizes){2 * dim, dim, space->rows, 1},
                     bsm_gpu_transposed(kept_of(space, path)->pair, 2 * dim, 0),
                     bsm_gpu_in(space->d_x_values, dim, 0), 1,
                     bsm_gpu_out(bsm_gradients_at(space, places->merge), dim, 0));
    bsm_gpu_multiply(space->gpu, (bsm_gpu_sizes){space->rows, 2 * dim, dim, 1},
                     bsm_gpu_in(space->d_x_values, dim, 0),
                     bsm_gpu_transposed(bsm_weights_at(space, places->merge), dim, 0), 0,
                     bsm_gpu_out(space->d_pair, 2 * dim, 0));
}

static void backward_slab(const direction *d, const bsm_slab *slab)
{
    bsm_cuda_mixer_backward(d->space, &d->net, d->mixer, d->places, slab, &d->dropout, d->number);
}

bsm_status bsm_cuda_training_path_backward(void *opaque, size_t layer, bsm_axis axis,
                                           bsm_error *error)
{
    const bsm_cuda_training *space = opaque;
    bsm_gpu_use(space->gpu);
    if (space->options.checkpointing) {
        run_directions(space, layer, axis);
    }
    merge_backward(space, path_index(layer, axis));
    for (size_t number = 0; number < 2; number++) {
        direction d = direction_of(space, layer, axis, number);
        run_slabs(&d, backward_slab);
    }
    return bsm_gpu_status(space->gpu, error);
}
