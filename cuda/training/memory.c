/* SPDX-License-Identifier: ISC */
/* Divides the GPU's memory of a training. */
#include "training/space.h"

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void *carve_values(const bsm_cuda_training *space, bsm_carver *carver, size_t count)
{
    const bool bf16 = bsm_gpu_queue(space->gpu).bf16;
    return bsm_carve(carver, count * (bf16 ? sizeof(uint16_t) : sizeof(float)));
}

/* Carve memory for `numbers` as values. If values are float32, the numbers themselves serve. */
static void *values_of(const bsm_cuda_training *space, bsm_carver *carver, float *numbers,
                       size_t count)
{
    return bsm_gpu_queue(space->gpu).bf16 ? carve_values(space, carver, count) : numbers;
}

static void divide_vectors(bsm_cuda_training *space, bsm_carver *carver)
{
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        space->vectors[v] = bsm_carve_floats(carver, space->places.size);
    }
    const bool bf16 = bsm_gpu_queue(space->gpu).bf16;
    space->bf16 = bf16 ? carve_values(space, carver, space->places.size) : NULL;
}

/* ---- Kept from forward to backward ---- */

static bsm_cuda_kept_path divide_kept(const bsm_cuda_training *space, bsm_carver *carver)
{
    const bsm_mixer_shape shape = space->net.shape;
    bsm_cuda_kept_path kept;
    kept.pair = carve_values(space, carver, space->rows * 2 * space->config.dim);
    for (size_t d = 0; d < 2; d++) {
        kept.zxBC[d] = carve_values(space, carver, space->rows * bsm_shape_zxBC(shape));
        kept.raw_dt[d] = bsm_carve_floats(carver, space->rows * shape.heads);
        kept.y[d] = carve_values(space, carver, space->rows * bsm_shape_inner(shape));
    }
    return kept;
}

static void divide_activations(bsm_cuda_training *space, bsm_carver *carver)
{
    const size_t paths = 2 * space->config.depth;
    space->x = bsm_carve_floats(carver, (paths + 1) * space->rows * space->config.dim);
    for (size_t i = 0; i < (space->options.checkpointing ? 1 : paths); i++) {
        space->kept[i] = divide_kept(space, carver);
    }
}

/* ---- Scratch ---- */

static void divide_decays(bsm_cuda_training *space, bsm_carver *carver)
{
    bsm_cuda_mixer_gradients *b = &space->gradients;
    const size_t heads = space->net.shape.heads, rows = space->net.limits.rows * heads;
    b->decays.d_dt = bsm_carve_floats(carver, rows);
    b->decays.d_cum = bsm_carve_floats(carver, rows);
    b->decays.diagonal = bsm_carve_floats(carver, rows);
    b->decays.d_all = bsm_carve_floats(carver, space->net.limits.chunks * heads);
}

/* Carve what the backward scan by products needs. */
static void divide_products(bsm_cuda_training *space, bsm_carver *carver)
{
    bsm_cuda_mixer_gradients *b = &space->gradients;
    const bsm_mixer_shape shape = space->net.shape;
    const size_t rows = space->net.limits.rows, inner = bsm_shape_inner(shape);
    const size_t squares = rows * BSM_MAX_CHUNK;
    b->d_x = bsm_carve_floats(carver, rows * inner);
    b->d_inside = carve_values(space, carver, rows * inner);
    b->d_outside = carve_values(space, carver, rows * inner);
    b->d_M = bsm_carve_floats(carver, squares * shape.heads);
    b->d_G = carve_values(space, carver, squares);
    b->left = bsm_carve_floats(carver, rows * shape.heads);
    b->d_before =
        bsm_carve_floats(carver, space->net.limits.chunks * bsm_cuda_state_size(&space->config));
}

static void divide_mixer(bsm_cuda_training *space, bsm_carver *carver)
{
    bsm_cuda_mixer_gradients *b = &space->gradients;
    const bsm_mixer_shape shape = space->net.shape;
    const size_t rows = space->net.limits.rows, dim = space->config.dim;
    const size_t inner = bsm_shape_inner(shape);
    const size_t states = space->net.limits.chunks * bsm_cuda_state_size(&space->config);
    bsm_cuda_divide_mixer(&space->net, carver);
    b->mixed = bsm_carve_floats(carver, rows * dim);
    b->d_mixed = carve_values(space, carver, rows * dim);
    b->d_y = carve_values(space, carver, rows * inner);
    b->d_zxbcdt = carve_values(space, carver, rows * bsm_shape_projected(shape));
    b->d_u = bsm_carve_floats(carver, rows * dim);
    b->scalars = bsm_carve_floats(carver, rows * 2);
    b->d_BC = bsm_carve_floats(carver, rows * 2 * shape.d_state);
    if (bsm_cuda_is_fused(&space->net)) {
        bsm_cuda_divide_chunks(&space->net, carver);
        b->d_x = carve_values(space, carver, rows * inner);
        b->d_behind = carve_values(space, carver, states);
    } else {
        divide_products(space, carver);
        b->d_behind = values_of(space, carver, b->d_before, states);
    }
    divide_decays(space, carver);
}

static void divide_mask(bsm_cuda_training *space, bsm_carver *carver)
{
    const bsm_config *config = &space->config;
    bsm_bands_scratch *s = &space->scratch;
    s->frames = space->net.limits.frames;
    const size_t rows = s->frames * config->num_bands;
    const size_t hidden = rows * config->mask_expansion * config->dim;
    const size_t values = s->frames * 2 * bsm_config_features(config);
    s->u = carve_values(space, carver, rows * config->dim);
    s->d_u = bsm_carve_floats(carver, rows * config->dim);
    s->hidden = bsm_carve_floats(carver, hidden);
    s->tanh = carve_values(space, carver, hidden);
    s->d_hidden = carve_values(space, carver, hidden);
    s->values = bsm_carve_floats(carver, values);
    s->d_values = carve_values(space, carver, values);
    s->scalars = bsm_carve_floats(carver, rows * 2);
}

static void divide_split(bsm_cuda_training *space, bsm_carver *carver)
{
    bsm_bands_scratch *s = &space->scratch;
    const size_t features = space->frames * bsm_config_features(&space->config);
    s->packed = carve_values(space, carver, features);
    s->d_packed = bsm_carve_floats(carver, features);
    s->factors = bsm_carve_floats(carver, space->rows);
}

/* The most numbers that any kernel writes as sums of pieces. */
static size_t partial_size(const bsm_cuda_training *space)
{
    const bsm_config *config = &space->config;
    const bsm_mixer_shape shape = space->net.shape;
    const size_t chunks = space->net.limits.chunks, bands = config->num_bands;
    const size_t features = bsm_config_features(config);
    const size_t hidden = bands * config->mask_expansion * config->dim;
    size_t most = bsm_pieces_of((uint32_t)space->rows) * config->dim;
    most = max(most, bsm_pieces_of((uint32_t)space->net.limits.rows) *
                         max(bsm_shape_inner(shape), config->dim));
    most = max(most, chunks * 3 * shape.heads);
    most = max(most, chunks * bsm_shape_conv(shape) * (shape.taps + 1));
    most = max(most, bsm_pieces_of((uint32_t)space->net.limits.frames) * max(hidden, 2 * features));
    return max(most, bsm_pieces_of((uint32_t)space->frames) * features);
}

static void divide_tables(bsm_cuda_training *space, bsm_carver *carver)
{
    const bsm_config *config = &space->config;
    const size_t rates = 4 * config->depth * bsm_config_heads(config);
    space->A = bsm_carve_floats(carver, rates);
    space->A_index = bsm_carve(carver, rates * sizeof *space->A_index);
    space->bands = bsm_carve(carver, config->num_bands * sizeof *space->bands);
    space->band_of = bsm_carve(carver, bsm_config_features(config) / 2 * sizeof *space->band_of);
    space->packed = bsm_packed_vectors_of(config);
    space->packed.index = bsm_carve(carver, space->packed.count * sizeof *space->packed.index);
    space->packed.values = bsm_carve_floats(carver, space->packed.count);
    space->packed.gradients = bsm_carve_floats(carver, space->packed.count);
}

/* Modules never run at the same time, so their scratch is the same memory. */
static void divide_scratch(bsm_cuda_training *space, bsm_carver *carver)
{
    const size_t floats = space->rows * space->config.dim;
    space->d_x = bsm_carve_floats(carver, floats);
    space->d_x_values = values_of(space, carver, space->d_x, floats);
    space->d_pair = bsm_carve_floats(carver, 2 * floats);
    space->partial = bsm_carve_floats(carver, partial_size(space));
    divide_tables(space, carver);
    bsm_gpu_signals_divide(space, carver);
    bsm_carver mixer = *carver, mask = *carver, split = *carver, signals = *carver;
    divide_mixer(space, &mixer);
    divide_mask(space, &mask);
    divide_split(space, &split);
    bsm_gpu_signals_divide_scratch(space, &signals);
    carver->used = max(max(mixer.used, mask.used), max(split.used, signals.used));
}

void bsm_cuda_training_divide(bsm_cuda_training *space, bsm_carver *carver,
                              bsm_training_memory *memory)
{
    *memory = (bsm_training_memory){.on_gpu = true};
    divide_vectors(space, carver);
    memory->parameters = carver->used;
    divide_activations(space, carver);
    memory->activations = carver->used - memory->parameters;
    divide_scratch(space, carver);
    memory->scratch = carver->used - memory->parameters - memory->activations;
}
