/* SPDX-License-Identifier: ISC */
/* The paths of a dual-path layer: cuts the sequences of x into slabs, and merges the directions. */
#include "mixer.h"

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One direction of a path, for all its sequences. */
typedef struct direction {
    const bsm_cuda_mixer *mixer;
    size_t number; /* 0 forward, 1 backward */
    const float *bias;
    size_t sequences;
    bsm_steps steps;
    bool along_bands;
    size_t frames;         /* frames of x */
    float *states, *tails; /* NULL: start from zero */
} direction;

size_t bsm_cuda_slab_sequences(const bsm_cuda_space *space, bsm_steps steps)
{
    size_t padded = (size_t)steps.chunks * steps.chunk;
    return min(space->limits.rows / padded, space->limits.chunks / steps.chunks);
}

/* Along time, the steps of a sequence are adjacent in x; along bands, the same steps of
 * neighbouring sequences are. */
bsm_slab bsm_cuda_slab(bsm_steps steps, bool along_bands, size_t frames, size_t first, size_t count)
{
    bsm_slab slab = {.steps = steps, .rows = {.stride = (uint32_t)frames}};
    slab.steps.sequences = (uint32_t)count;
    if (along_bands) {
        slab.rows.first = (uint32_t)first;
        slab.rows.per = (uint32_t)count;
        slab.rows.batches = steps.steps;
        slab.steps.sequence_stride = 1;
        slab.steps.step_stride = (uint32_t)count;
    } else {
        slab.rows.first = (uint32_t)(first * frames);
        slab.rows.per = steps.steps;
        slab.rows.batches = (uint32_t)count;
        slab.steps.sequence_stride = steps.steps;
        slab.steps.step_stride = 1;
    }
    return slab;
}

static bsm_slab slab_at(const bsm_cuda_space *space, const direction *d, size_t first, size_t count)
{
    const bsm_config *config = &space->weights->config;
    bsm_slab slab = bsm_cuda_slab(d->steps, d->along_bands, d->frames, first, count);
    slab.steps.reversed = d->number == 1;
    slab.keep = d->states != NULL;
    if (d->states) {
        slab.states = d->states + first * bsm_cuda_state_size(config);
        slab.tails = d->tails + first * bsm_cuda_tail_size(config);
    }
    return slab;
}

/* Compute one direction, or two whose slabs have the same rows, so that they can share the norm of
 * these rows. `other` may be NULL. */
static void run_slabs(const bsm_cuda_space *space, const direction *d, const direction *other)
{
    size_t most = bsm_cuda_slab_sequences(space, d->steps);
    for (size_t first = 0; first < d->sequences; first += most) {
        size_t count = min(most, d->sequences - first);
        bsm_slab slab = slab_at(space, d, first, count);
        bsm_cuda_mixer_normalise(space, d->mixer, &slab);
        bsm_cuda_mixer_project_dt(space, d->mixer, other ? other->mixer : NULL, &slab);
        bsm_cuda_mixer_slab(space, d->mixer, &slab, d->number, d->bias);
        if (other) {
            bsm_cuda_space behind = *space;
            behind.mixer.raw_dt += bsm_slab_rows(&slab) * space->shape.heads;
            slab = slab_at(space, other, first, count);
            bsm_cuda_mixer_slab(&behind, other->mixer, &slab, other->number, other->bias);
        }
    }
}

/* In a block of a stream, the forward direction has fewer steps, and they are split where the state
 * is kept, so the two directions have different slabs. */
static void run_directions(const bsm_cuda_space *space, const direction directions[2])
{
    const bsm_steps *forward = &directions[0].steps, *backward = &directions[1].steps;
    if (forward->steps == backward->steps && forward->split == backward->split) {
        run_slabs(space, &directions[0], &directions[1]);
    } else {
        run_slabs(space, &directions[0], NULL);
        run_slabs(space, &directions[1], NULL);
    }
}

/* x += [forward, backward] W for the first `wanted` frames; the bias has been added before. */
static void merge(const bsm_cuda_space *space, bsm_matrix_offset weight, const bsm_block *block)
{
    size_t dim = space->weights->config.dim, bands = space->weights->config.num_bands;
    bool all = block->wanted == block->frames;
    bsm_gpu_multiply(
        space->gpu,
        (bsm_gpu_sizes){all ? bands * block->frames : block->wanted, dim, 2 * dim, all ? 1 : bands},
        bsm_gpu_in(space->joined, 2 * dim, block->frames * 2 * dim),
        bsm_gpu_in(bsm_cuda_matrix(space->weights, space->gpu, weight), dim, 0), 1,
        bsm_gpu_out(space->x, dim, block->frames * dim));
}

bsm_status bsm_cuda_time_path(void *workspace, size_t layer, const bsm_block *block,
                              bsm_error *error)
{
    const bsm_cuda_space *space = workspace;
    const bsm_config *config = &space->weights->config;
    const bsm_cuda_path *path = &space->weights->time[layer];
    size_t bands = config->num_bands;
    direction directions[2] = {{.mixer = &path->forward,
                                .sequences = bands,
                                .steps = bsm_cuda_steps(block->wanted, block->commit),
                                .frames = block->frames},
                               {.mixer = &path->backward,
                                .number = 1,
                                .bias = path->merge_bias,
                                .sequences = bands,
                                .steps = bsm_cuda_steps(block->frames, 0),
                                .frames = block->frames}};
    if (block->commit) {
        directions[0].states =
            space->states[space->state] + layer * bands * bsm_cuda_state_size(config);
        directions[0].tails =
            space->tails[space->state] + layer * bands * bsm_cuda_tail_size(config);
    }
    run_directions(space, directions);
    merge(space, path->merge, block);
    return bsm_cuda_module_done(space, error);
}

bsm_status bsm_cuda_band_path(void *workspace, size_t layer, const bsm_block *block,
                              bsm_error *error)
{
    const bsm_cuda_space *space = workspace;
    const bsm_cuda_path *path = &space->weights->band[layer];
    const direction forward = {.mixer = &path->forward,
                               .sequences = block->wanted,
                               .steps = bsm_cuda_steps(space->weights->config.num_bands, 0),
                               .along_bands = true,
                               .frames = block->frames};
    direction directions[2] = {forward, forward};
    directions[1].mixer = &path->backward;
    directions[1].number = 1;
    directions[1].bias = path->merge_bias;
    run_directions(space, directions);
    merge(space, path->merge, block);
    return bsm_cuda_module_done(space, error);
}
